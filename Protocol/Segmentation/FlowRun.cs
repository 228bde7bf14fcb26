using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Mesh.Protocol.Filter;

namespace Mesh.Protocol.Segmentation;

/// <summary>Recognises runs of packets of one flow. Pure functions, safe for concurrent use.</summary>
public static class FlowRun
{
    const byte TcpAck = 16;

    // PSH, ECE and CWR open and close nothing.
    const byte TcpIndifferent = 8 | 64 | 128;

    /// <summary>
    /// Returns whether two packets are whole segments in the middle of one TCP connection or whole datagrams of one UDP flow, so that what a
    /// route lookup and the filter decided on the first holds for the second at the same time. False where it would take more than a few
    /// comparisons to tell: IPv4 options, IPv6 extension headers, fragments. Never reads beyond the spans.
    /// </summary>
    /// <param name="previous">A packet on which was decided.</param>
    /// <param name="packet">The packet after it.</param>
    public static bool Continues(ReadOnlySpan<byte> previous, ReadOnlySpan<byte> packet)
    {
        if (previous.Length < 28 || packet.Length < 28)
            return false;
        ref var a = ref MemoryMarshal.GetReference(previous);
        ref var b = ref MemoryMarshal.GetReference(packet);
        int transport;
        byte protocol;
        if (a == 0x45)
        {
            if (b != 0x45
                || Read<ulong>(ref a, 12) != Read<ulong>(ref b, 12)
                || Read<uint>(ref a, 20) != Read<uint>(ref b, 20)
                // More fragments and the offset, as loaded: 0x3fff big-endian.
                || ((Read<ushort>(ref a, 6) | Read<ushort>(ref b, 6)) & 0xff3f) != 0)
                return false;
            transport = 20;
            protocol = At(ref a, 9);
            if (At(ref b, 9) != protocol || !LengthFits(previous.Length, Big(ref a, 2), 20) || !LengthFits(packet.Length, Big(ref b, 2), 20))
                return false;
        }
        else
        {
            if (((a & b) >> 4) != 6 || ((a | b) >> 4) != 6 || previous.Length < 48 || packet.Length < 48)
                return false;
            var difference = (Vector128.LoadUnsafe(ref a, 8) ^ Vector128.LoadUnsafe(ref b, 8))
                | (Vector128.LoadUnsafe(ref a, 24) ^ Vector128.LoadUnsafe(ref b, 24));
            if (difference != Vector128<byte>.Zero || Read<uint>(ref a, 40) != Read<uint>(ref b, 40))
                return false;
            transport = 40;
            protocol = At(ref a, 6);
            if (At(ref b, 6) != protocol || !LengthFits(previous.Length, 40 + Big(ref a, 4), 40) || !LengthFits(packet.Length, 40 + Big(ref b, 4), 40))
                return false;
        }

        if (protocol == IpProtocol.Udp)
            return true;
        return protocol == IpProtocol.Tcp
            && previous.Length >= transport + 20
            && packet.Length >= transport + 20
            && (At(ref a, transport + 13) & ~TcpIndifferent) == TcpAck
            && (At(ref b, transport + 13) & ~TcpIndifferent) == TcpAck;

        bool LengthFits(int length, int stated, int header) =>
            stated <= length && stated >= header + (protocol == IpProtocol.Tcp ? 20 : 8);
    }

    static T Read<T>(ref byte bytes, int at) => Unsafe.ReadUnaligned<T>(ref Unsafe.Add(ref bytes, at));

    static byte At(ref byte bytes, int at) => Unsafe.Add(ref bytes, at);

    static int Big(ref byte bytes, int at) => At(ref bytes, at) << 8 | At(ref bytes, at + 1);
}
