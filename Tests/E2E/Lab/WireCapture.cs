using System.Buffers.Binary;
using System.Net;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Is a UDP datagram seen on the wire.</summary>
readonly record struct CapturedDatagram(IPEndPoint Source, IPEndPoint Destination, byte[] Payload)
{
    /// <summary>Gets WireGuard's message type, the first byte; 0 for an empty datagram.</summary>
    public int Type => Payload.Length == 0 ? 0 : Payload[0];
}

/// <summary>Records what crosses an interface, with tcpdump into a file that is read afterwards.</summary>
sealed class WireCapture : IAsyncDisposable
{
    readonly RunningProcess _process;
    readonly string _file;

    WireCapture(RunningProcess process, string file) => (_process, _file) = (process, file);

    /// <summary>Starts to record.</summary>
    public static async Task<WireCapture> StartAsync(MeshLab lab, Netns ns, string interfaceName, params string[] filter)
    {
        var file = Path.Combine(lab.Folder, $"{Guid.NewGuid():N}.pcap");
        // -Z: as root, since the folder is open to nobody else; -U: every packet at once; a snapshot length of whole packets.
        var process = ns.Start("tcpdump", ["-i", interfaceName, "-n", "-U", "-s", "0", "-B", "65536", "-Z", "root", "-w", file, .. filter]);
        await process.WaitForLineAsync("listening on", TimeSpan.FromSeconds(10));
        return new WireCapture(process, file);
    }

    /// <summary>Stops and gives the whole recording.</summary>
    public async Task<byte[]> StopAsync()
    {
        // What was seen is in the kernel's buffer for a moment.
        await Task.Delay(TimeSpan.FromMilliseconds(300));
        _process.Signal("INT");
        await _process.WaitForExitAsync(TimeSpan.FromSeconds(10));
        return await File.ReadAllBytesAsync(_file);
    }

    /// <summary>Reads the UDP datagrams over IPv4 in a recording of an Ethernet interface (the pcap file format, link type 1).</summary>
    public static List<CapturedDatagram> Datagrams(byte[] recording)
    {
        const int FileHeader = 24, PacketHeader = 16, Ethernet = 14;
        List<CapturedDatagram> datagrams = [];
        for (var at = FileHeader; at + PacketHeader <= recording.Length;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(recording.AsSpan(at + 8));
            var frame = recording.AsSpan(at + PacketHeader, length);
            at += PacketHeader + length;
            if (length < Ethernet + 28 || BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) != 0x0800)
                continue;
            var ip = frame[Ethernet..];
            var header = (ip[0] & 15) * 4;
            if (ip[9] != 17)
                continue;
            var udp = ip[header..];
            datagrams.Add(new CapturedDatagram(
                new IPEndPoint(new IPAddress(ip.Slice(12, 4)), BinaryPrimitives.ReadUInt16BigEndian(udp)),
                new IPEndPoint(new IPAddress(ip.Slice(16, 4)), BinaryPrimitives.ReadUInt16BigEndian(udp[2..])),
                udp[8..BinaryPrimitives.ReadUInt16BigEndian(udp[4..])].ToArray()));
        }
        return datagrams;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
