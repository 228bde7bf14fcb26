using System.Buffers.Binary;
using Mesh.Protocol.Routing;

namespace Mesh.Protocol.Segmentation;

/// <summary>
/// Lowers the maximum segment size that a TCP connection agrees on, so that its segments fit a path which is narrower than both ends know.
/// Pure functions, safe for concurrent use.
/// </summary>
public static class TcpMss
{
    const int HeaderLength = 20;
    const int ChecksumAt = 16;
    const byte Syn = 2;
    const byte EndOfOptions = 0, NoOperation = 1, MaximumSegmentSize = 2;

    /// <summary>
    /// Lowers the MSS option (RFC 9293, section 3.7.1) of a SYN or SYN-ACK to what <paramref name="mtu"/> leaves beside an IP and a TCP header
    /// without options (RFC 6691), and the checksum with it (RFC 1624). Never raises it, adds none, and leaves alone what is malformed.
    /// </summary>
    /// <param name="packet">An IP packet.</param>
    /// <param name="mtu">Bytes of the largest IP packet that fits: at least 68 (RFC 791).</param>
    /// <returns>Whether the packet was changed.</returns>
    public static bool Clamp(Span<byte> packet, int mtu)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(mtu, 68);
        if (IpPacket.TryRead(packet, out var ip) != IpPacketError.None || ip.Protocol != IpPacket.Tcp || !ip.IsFirstFragment)
            return false;
        var tcp = packet[ip.PayloadOffset..ip.TotalLength];
        if (tcp.Length < HeaderLength || (tcp[13] & Syn) == 0)
            return false;
        var end = (tcp[12] >> 4) * 4;
        if (end < HeaderLength || end > tcp.Length)
            return false;
        var limit = Math.Min(mtu - (ip.Version == 4 ? 40 : 60), ushort.MaxValue);
        for (var at = HeaderLength; at < end && tcp[at] != EndOfOptions;)
        {
            if (tcp[at] == NoOperation)
            {
                at++;
                continue;
            }

            if (at + 1 >= end || tcp[at + 1] < 2 || at + tcp[at + 1] > end)
                return false;
            if (tcp[at] == MaximumSegmentSize)
                return tcp[at + 1] == 4 && Lower(tcp, at + 2, (ushort)limit);
            at += tcp[at + 1];
        }

        return false;
    }

    static bool Lower(Span<byte> tcp, int at, ushort limit)
    {
        var value = BinaryPrimitives.ReadUInt16BigEndian(tcp[at..]);
        if (value <= limit)
            return false;
        BinaryPrimitives.WriteUInt16BigEndian(tcp[at..], limit);
        // At an odd offset the bytes stand in the other halves of their words.
        var (old, now) = at % 2 == 0 ? (value, limit) : (BinaryPrimitives.ReverseEndianness(value), BinaryPrimitives.ReverseEndianness(limit));
        var checksum = BinaryPrimitives.ReadUInt16BigEndian(tcp[ChecksumAt..]);
        var sum = InternetChecksum.AddWord(~checksum, InternetChecksum.AddWord(~old, InternetChecksum.AddWord(now, 0)));
        BinaryPrimitives.WriteUInt16BigEndian(tcp[ChecksumAt..], InternetChecksum.Finish(sum));
        return true;
    }
}
