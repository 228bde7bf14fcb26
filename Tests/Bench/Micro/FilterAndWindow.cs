using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Bench.Micro;

/// <summary>The filter of a node that may open everything and accepts nothing.</summary>
public class Filter
{
    static readonly PeerRules Rules = new([], [FilterRule.Any]);

    readonly PacketFilter _filter = new(new FlowTable(65536, 1));
    readonly byte[] _new = IpPackets.Tcp("10.0.0.1", 1, "10.0.0.2", 443);
    readonly byte[] _reply = IpPackets.Tcp("10.0.0.2", 443, "10.0.0.1", 1000, IpPackets.Ack, 1000);
    readonly Instant _now = new(TimeSpan.TicksPerHour);
    uint _flow;

    [GlobalSetup]
    public void Setup() => Must(_filter.Outbound(IpPackets.Tcp("10.0.0.1", 1000, "10.0.0.2", 443), 1, Rules, _now));

    /// <summary>Every packet opens a flow; the table is full of them after a while, as under a scan.</summary>
    [Benchmark]
    public FilterVerdict NewFlow()
    {
        _flow++;
        BinaryPrimitives.WriteUInt16BigEndian(_new.AsSpan(20), (ushort)(_flow | 0x8000));
        BinaryPrimitives.WriteUInt16BigEndian(_new.AsSpan(22), (ushort)(_flow >> 15));
        return Must(_filter.Outbound(_new, 1, Rules, _now));
    }

    [Benchmark]
    public FilterVerdict KnownFlow() => Must(_filter.Inbound(_reply, 1, Rules, _now));

    static FilterVerdict Must(FilterVerdict verdict) => verdict == FilterVerdict.Pass ? verdict : throw new InvalidOperationException($"{verdict}");
}

/// <summary>The window that tells counters which were seen.</summary>
public class Replay
{
    readonly ReplayWindow _window = new();
    ulong _next;

    [Benchmark]
    public bool InOrder() => _window.TryAccept(_next++);

    /// <summary>Two counters at a time, the later first.</summary>
    [Benchmark(OperationsPerInvoke = 2)]
    public bool Swapped()
    {
        _next += 2;
        return _window.TryAccept(_next - 1) & _window.TryAccept(_next - 2);
    }
}
