using System.Buffers.Binary;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Gives each source address <see cref="TunnelTuning.SourceRate"/> handshakes a second with a burst of
/// <see cref="TunnelTuning.SourceBurst"/>; an IPv6 source is its /64. Sources are spread over a fixed number of buckets by a keyed hash, so
/// memory is constant and nobody can choose to share another's bucket. Safe for concurrent use; allocates nothing.
/// </summary>
public sealed class SourceLimiter
{
    // Each bucket holds the time at which its burst is whole again (the generic cell rate algorithm): one number, one compare-and-swap.
    const long Interval = TimeSpan.TicksPerSecond / TunnelTuning.SourceRate;
    const long Tolerance = Interval * (TunnelTuning.SourceBurst - 1);

    readonly long[] _whole = new long[TunnelTuning.SourceBuckets];
    readonly byte[] _key = new byte[16];

    /// <summary>Creates a limiter whose hash is keyed from the given entropy.</summary>
    public SourceLimiter(IEntropy entropy)
    {
        entropy.Fill(_key);
        Array.Fill(_whole, long.MinValue);
    }

    /// <summary>Takes one handshake from the source's share; false when the share is used up.</summary>
    public bool TryTake(in EndpointAddress source, Instant now)
    {
        Span<byte> address = stackalloc byte[16];
        var length = Math.Min(source.WriteAddress(address), 8);
        Span<byte> hash = stackalloc byte[4];
        Blake2s.Mac(hash, _key, address[..length]);
        ref var whole = ref _whole[BinaryPrimitives.ReadUInt32LittleEndian(hash) % TunnelTuning.SourceBuckets];
        var seen = Volatile.Read(ref whole);
        while (true)
        {
            var start = Math.Max(seen, now.Ticks);
            if (start - now.Ticks > Tolerance)
                return false;
            var found = Interlocked.CompareExchange(ref whole, start + Interval, seen);
            if (found == seen)
                return true;
            seen = found;
        }
    }
}
