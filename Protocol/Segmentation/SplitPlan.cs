using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Mesh.Protocol.Segmentation;

/// <summary>
/// How one packet becomes segments, from <see cref="PacketSplitter.TryPlan"/>. Segment <c>i</c> has <see cref="LengthOf"/> bytes, headers
/// included. <see cref="Expand"/> must be given the very bytes that were planned.
/// </summary>
public readonly struct SplitPlan
{
    const byte TcpFin = 1, TcpPsh = 8, TcpCwr = 128;

    readonly ulong _pseudo;
    readonly ushort _payload;
    readonly ushort _transport;
    readonly ushort _checksum;
    readonly Kind _kind;
    readonly bool _isV6;

    SplitPlan(Kind kind, bool isV6, int count, int transport, int checksum, int headers, int payload, int last, ulong pseudo)
    {
        _kind = kind;
        _isV6 = isV6;
        _transport = (ushort)transport;
        _checksum = (ushort)checksum;
        _payload = (ushort)payload;
        _pseudo = pseudo;
        SegmentCount = count;
        HeaderLength = headers;
        SegmentLength = headers + payload;
        LastLength = headers + last;
    }

    enum Kind : byte
    {
        Whole,
        Checksum,
        Tcp,
        Udp,
    }

    /// <summary>Gets the number of packets that come out.</summary>
    public int SegmentCount { get; }

    /// <summary>Gets the bytes of the IP and transport headers in each of them; 0 when the packet is not cut.</summary>
    public int HeaderLength { get; }

    /// <summary>Gets the bytes of every packet but the last, and of that when there is only one.</summary>
    public int SegmentLength { get; }

    /// <summary>Gets the bytes of the last packet.</summary>
    public int LastLength { get; }

    /// <summary>Gets the bytes of one of the packets.</summary>
    public int LengthOf(int segment) => segment == SegmentCount - 1 ? LastLength : SegmentLength;

    /// <summary>Gets the bytes that <see cref="Expand"/> needs: those up to the end of the last packet.</summary>
    public int RequiredRoom(int headroom, int stride) => (SegmentCount - 1) * stride + headroom + LastLength;

    /// <summary>
    /// Lays the segments out in place. Before, the packet lies at <paramref name="headroom"/>; afterwards segment <c>i</c> lies at
    /// <c>i * stride + headroom</c>, a complete IP packet with lengths, identification, sequence number, flags and checksums of its own. Bytes
    /// between the segments are left as they fall. Allocates nothing.
    /// </summary>
    /// <param name="buffer">At least <see cref="RequiredRoom"/> bytes.</param>
    /// <param name="headroom">Bytes before each packet, for the caller.</param>
    /// <param name="stride">Distance of the segments: at least <paramref name="headroom"/> and <see cref="SegmentLength"/> together.</param>
    /// <exception cref="ArgumentException">The buffer or the stride is too small.</exception>
    public unsafe void Expand(Span<byte> buffer, int headroom, int stride)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(headroom);
        if (SegmentCount == 0)
            return;
        if ((SegmentCount > 1 && stride < (long)headroom + SegmentLength)
            || buffer.Length < (long)(SegmentCount - 1) * stride + headroom + LastLength)
            throw new ArgumentException($"{SegmentCount} segments of {SegmentLength} bytes do not fit in {buffer.Length} bytes by {stride}.", nameof(buffer));
        fixed (byte* start = buffer)
        {
            var packet = start + headroom;
            switch (_kind)
            {
                case Kind.Checksum:
                    Complete(packet);
                    break;
                case Kind.Tcp:
                    ExpandTcp(packet, stride);
                    break;
                case Kind.Udp:
                    ExpandUdp(packet, stride);
                    break;
            }
        }
    }

    internal static SplitPlan Whole(int length) => new(Kind.Whole, false, 1, 0, 0, 0, length, length, 0);

    internal static SplitPlan Checksum(int length, int start, int offset) => new(Kind.Checksum, false, 1, start, start + offset, 0, length, length, 0);

    internal static SplitPlan Segments(bool isTcp, bool isV6, int count, int transport, int headers, int payload, int last, ulong pseudo) =>
        new(isTcp ? Kind.Tcp : Kind.Udp, isV6, count, transport, transport + (isTcp ? 16 : 6), headers, payload, last, pseudo);

    // Zero stands for "no checksum" in UDP, and its complement is as good everywhere else.
    static ushort NonZero(ushort checksum) => checksum == 0 ? (ushort)0xffff : checksum;

    static ulong Swapped(ushort value) => BinaryPrimitives.ReverseEndianness(value);

    static unsafe ushort Read(byte* at) => BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ushort>(at));

    static unsafe void Write(byte* at, ushort value) => Unsafe.WriteUnaligned(at, BinaryPrimitives.ReverseEndianness(value));

    static unsafe ulong Sum(byte* bytes, int length) => InternetChecksum.Add(ref *bytes, length, 0);

    unsafe void Complete(byte* packet) =>
        Write(packet + _checksum, NonZero(InternetChecksum.Finish(Sum(packet + _transport, LastLength - _transport))));

    unsafe void ExpandTcp(byte* packet, int stride)
    {
        var tcp = packet + _transport;
        var sequence = BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<uint>(tcp + 4));
        var flags = Read(tcp + 12);
        // All of the header but sequence number, flags and checksum.
        var fixedSum = _pseudo + Sum(tcp, 4) + Sum(tcp + 8, 4) + Sum(tcp + 14, 2) + Sum(tcp + 18, HeaderLength - _transport - 18);
        var identification = _isV6 ? (ushort)0 : Read(packet + 4);
        var addressSum = AddressSum(packet);
        var last = SegmentCount - 1;
        for (var i = last; i >= 0; i--)
        {
            var segment = packet + (nint)i * stride;
            var length = i == last ? LastLength : SegmentLength;
            var sum = MovePayload(packet, segment, i, length);
            var own = flags;
            if (i != last)
                own &= unchecked((ushort)~(TcpFin | TcpPsh));
            if (i != 0)
                own &= unchecked((ushort)~TcpCwr);
            var swappedSequence = BinaryPrimitives.ReverseEndianness(sequence + (uint)(i * _payload));
            sum += fixedSum + swappedSequence + Swapped(own) + Swapped((ushort)(length - _transport));
            var header = segment + _transport;
            Unsafe.WriteUnaligned(header + 4, swappedSequence);
            Write(header + 12, own);
            Write(header + 16, InternetChecksum.Finish(sum));
            WriteIpHeader(segment, length, (ushort)(identification + i), addressSum);
        }
    }

    unsafe void ExpandUdp(byte* packet, int stride)
    {
        var fixedSum = _pseudo + Sum(packet + _transport, 4);
        var identification = _isV6 ? (ushort)0 : Read(packet + 4);
        var addressSum = AddressSum(packet);
        var last = SegmentCount - 1;
        for (var i = last; i >= 0; i--)
        {
            var segment = packet + (nint)i * stride;
            var length = i == last ? LastLength : SegmentLength;
            var datagram = (ushort)(length - _transport);
            // The length is in the pseudo header and in the header.
            var sum = MovePayload(packet, segment, i, length) + fixedSum + 2 * Swapped(datagram);
            var header = segment + _transport;
            Write(header + 4, datagram);
            Write(header + 6, NonZero(InternetChecksum.Finish(sum)));
            WriteIpHeader(segment, length, (ushort)(identification + i), addressSum);
        }
    }

    /// <summary>
    /// Copies payload and headers of one segment to its place and sums the payload. The segments are taken from the last to the first, each moves
    /// up or stays, and none reaches into what those before it still need.
    /// </summary>
    unsafe ulong MovePayload(byte* packet, byte* segment, int index, int length)
    {
        var payload = length - HeaderLength;
        if (index == 0)
            return Sum(packet + HeaderLength, payload);
        var from = packet + HeaderLength + index * _payload;
        var sum = InternetChecksum.AddMoveUp(ref *from, ref *(segment + HeaderLength), payload, 0);
        Unsafe.CopyBlockUnaligned(segment, packet, (uint)HeaderLength);
        return sum;
    }

    /// <summary>Sums an IPv4 header without total length, identification and checksum.</summary>
    unsafe ulong AddressSum(byte* packet) => _isV6 ? 0 : Sum(packet, 2) + Sum(packet + 6, 4) + Sum(packet + 12, _transport - 12);

    unsafe void WriteIpHeader(byte* segment, int length, ushort identification, ulong addressSum)
    {
        if (_isV6)
        {
            Write(segment + 4, (ushort)(length - 40));
            return;
        }

        Write(segment + 2, (ushort)length);
        Write(segment + 4, identification);
        Write(segment + 10, InternetChecksum.Finish(addressSum + Swapped((ushort)length) + Swapped(identification)));
    }
}
