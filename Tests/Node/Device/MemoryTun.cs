using Mesh.Node.Device;
using Mesh.Protocol.Segmentation;

namespace Mesh.Tests.Node.Device;

/// <summary>
/// A device in memory: packets given by the test are read, written ones are counted and, if wanted, kept. Merges only where the test says so.
/// Allocates only when it keeps.
/// </summary>
sealed unsafe class MemoryTun(bool merges = false) : ITunPort
{
    readonly Queue<(VirtioHeader Header, byte[] Packet)> _waiting = new(4096);

    public int Descriptor => -1;

    public (bool Tcp, bool Udp) Merges => (merges, merges);

    public List<byte[]> Delivered { get; } = [];

    public List<VirtioHeader> Headers { get; } = [];

    public int DeliveredCount { get; private set; }

    public bool Keep { get; set; } = true;

    public void Give(byte[] packet, VirtioHeader header = default) => _waiting.Enqueue((header, packet));

    public int Read(nint place, out VirtioHeader header)
    {
        header = default;
        if (!_waiting.TryDequeue(out var waiting))
            return 0;
        header = waiting.Header;
        waiting.Packet.CopyTo(new Span<byte>((byte*)place, ITunPort.MaxPacket));
        return waiting.Packet.Length;
    }

    public int Write(PacketCoalescer packets)
    {
        var groups = packets.Complete();
        for (var i = 0; i < groups; i++)
        {
            var group = packets[i];
            DeliveredCount += group.PacketCount;
            if (!Keep)
                continue;
            List<byte> all = [];
            foreach (var piece in group.Vectors[1..])
                all.AddRange(new Span<byte>((byte*)piece.Data, (int)piece.Length));
            Delivered.Add([.. all]);
            Headers.Add(group.Header);
        }

        return 0;
    }

    public bool TryWrite(ReadOnlySpan<byte> packet)
    {
        DeliveredCount++;
        if (Keep)
            Delivered.Add(packet.ToArray());
        return true;
    }
}
