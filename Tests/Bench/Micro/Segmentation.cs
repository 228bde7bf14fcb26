using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Mesh.Protocol.Segmentation;

namespace Mesh.Bench.Micro;

/// <summary>A super-packet of 44 TCP segments: cut, and merged again.</summary>
public class Segmentation
{
    const int Segments = 44, Headers = 40, Payload = 1380, Headroom = 16, Stride = Headroom + Headers + Payload + 16;

    readonly byte[] _buffer = GC.AllocateArray<byte>(Segments * Stride, pinned: true);
    readonly byte[] _packets = GC.AllocateArray<byte>(Segments * Stride, pinned: true);
    readonly byte[] _super = IpPackets.Tcp("10.0.0.1", 1000, "10.0.0.2", 443, IpPackets.Ack, Segments * Payload);
    readonly byte[] _firstHeaders = new byte[Headers];
    readonly PacketCoalescer _coalescer = new(64, coalesceTcp: true, coalesceUdp: false);
    readonly VirtioHeader _header = new(VirtioHeader.NeedsChecksum, (byte)GsoType.TcpV4, Headers, Payload, 20, 16);
    SplitPlan _plan;

    [GlobalSetup]
    public void Setup()
    {
        // The device leaves the sum of the pseudo header in the checksum field: addresses, protocol, length.
        _super[6] = 0x40;
        var sum = InternetChecksum.Fold(InternetChecksum.AddPseudoHeader(_super.AsSpan(12, 8), 6, _super.Length - 20, 0));
        BinaryPrimitives.WriteUInt16BigEndian(_super.AsSpan(36), sum);
        Split();
        _buffer.CopyTo(_packets, 0);
        _packets.AsSpan(Headroom, Headers).CopyTo(_firstHeaders);
        if (Coalesce() != 1)
            throw new InvalidOperationException("the segments were not merged into one");
    }

    /// <summary>Plans and lays out all segments; the payload that an earlier run moved is as good as any.</summary>
    [Benchmark]
    public int Split()
    {
        _super.AsSpan(0, Headers).CopyTo(_buffer.AsSpan(Headroom));
        var error = PacketSplitter.TryPlan(_buffer.AsSpan(Headroom, _super.Length), _header, out _plan);
        if (error != SplitError.None || _plan.SegmentCount != Segments)
            throw new InvalidOperationException($"{error}, {_plan.SegmentCount} segments");
        _plan.Expand(_buffer, Headroom, Stride);
        return _plan.SegmentCount;
    }

    /// <summary>Checks and merges all segments into one write.</summary>
    [Benchmark]
    public unsafe int Coalesce()
    {
        _firstHeaders.CopyTo(_packets.AsSpan(Headroom));
        fixed (byte* packets = _packets)
        {
            for (var i = 0; i < Segments; i++)
                _coalescer.Add((nint)(packets + i * Stride + Headroom), Headers + Payload);
            var groups = _coalescer.Complete();
            _coalescer.Clear();
            return groups;
        }
    }
}
