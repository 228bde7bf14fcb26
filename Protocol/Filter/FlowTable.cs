using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Filter;

/// <summary>Who sent the first packet of a flow.</summary>
public enum FlowOpener : byte
{
    /// <summary>This node.</summary>
    Local,

    /// <summary>The peer.</summary>
    Remote,
}

/// <summary>Names a flow from this node's point of view, whichever way a packet of it travels.</summary>
/// <param name="Peer">Number of the peer that it runs to.</param>
/// <param name="Local">Our address.</param>
/// <param name="Remote">The peer's address.</param>
/// <param name="LocalPort">Our port, echo identifier, or part of a fragment identification.</param>
/// <param name="RemotePort">The peer's port, echo identifier, or part of a fragment identification.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Tag">Tells apart what shares the other fields: opener, address family, fragments.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct FlowKey(int Peer, UInt128 Local, UInt128 Remote, ushort LocalPort, ushort RemotePort, byte Protocol, byte Tag);

/// <summary>How far a flow has come; decides how long silence is tolerated.</summary>
public enum FlowState : byte
{
    /// <summary>Only the opener has spoken.</summary>
    Opening,

    /// <summary>Both have spoken.</summary>
    Established,

    /// <summary>TCP: a FIN or RST has been seen.</summary>
    Closing,
}

/// <summary>
/// Remembers flows in a fixed number of entries. Safe for concurrent use by any number of threads without locks: an entry has a version that is
/// odd while somebody writes it; whoever meets an odd or changed version reads again. Allocates nothing after
/// construction. When a set of ways is full the entry that expires first gives way, so that a flood of new flows displaces its own kind first.
/// </summary>
public sealed class FlowTable
{
    /// <summary>TCP, only the opener has spoken. Linux nf_conntrack_tcp_timeout_syn_sent.</summary>
    public static readonly TimeSpan TcpOpening = TimeSpan.FromSeconds(120);

    /// <summary>TCP, both have spoken; RFC 5382 REQ-5 asks for at least 2 h 4 min, Linux uses five days.</summary>
    public static readonly TimeSpan TcpEstablished = TimeSpan.FromDays(5);

    /// <summary>TCP after FIN or RST. Linux nf_conntrack_tcp_timeout_fin_wait.</summary>
    public static readonly TimeSpan TcpClosing = TimeSpan.FromSeconds(120);

    /// <summary>UDP and other protocols, only the opener has spoken. Linux nf_conntrack_udp_timeout.</summary>
    public static readonly TimeSpan DatagramOpening = TimeSpan.FromSeconds(30);

    /// <summary>UDP and other protocols, both have spoken; RFC 4787 REQ-5 asks for at least 2 min.</summary>
    public static readonly TimeSpan DatagramEstablished = TimeSpan.FromSeconds(120);

    /// <summary>ICMP echo. Linux nf_conntrack_icmp_timeout.</summary>
    public static readonly TimeSpan Echo = TimeSpan.FromSeconds(30);

    /// <summary>Fragments that follow a first one. Linux ipfrag_time.</summary>
    public static readonly TimeSpan Fragments = TimeSpan.FromSeconds(30);

    const int Ways = 8;

    // A write takes nanoseconds; only a writer that lost its processor makes a reader come back more than once or twice.
    const int MaxReadAttempts = 1000;

    // Times are refreshed only when they move by this much, so that two threads do not fight over a cache line for every packet.
    static readonly long RefreshGranularity = TimeSpan.FromSeconds(1).Ticks;

    readonly Entry[] _entries;
    readonly int _setMask;
    readonly ulong _seed;

    /// <param name="capacity">Entries; rounded up to a power of two, at least 8. One takes 80 bytes.</param>
    /// <param name="seed">Random, so that nobody outside can choose flows that share a set.</param>
    public FlowTable(int capacity, ulong seed)
    {
        var sets = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, (capacity + Ways - 1) / Ways));
        _entries = new Entry[sets * Ways];
        _setMask = sets - 1;
        _seed = seed | 1;
    }

    /// <summary>Entries in the table.</summary>
    public int Capacity => _entries.Length;

    /// <summary>Counts entries that have not expired. For statistics: walks the whole table.</summary>
    public int Count(Instant now)
    {
        var count = 0;
        for (var i = 0; i < _entries.Length; i++)
        {
            if (Volatile.Read(ref _entries[i].Expires) > now.Ticks)
                count++;
        }

        return count;
    }

    /// <summary>Whether the flow is known; if so it is refreshed. Reply packets establish it.</summary>
    /// <param name="key">The flow.</param>
    /// <param name="reply">Whether the packet comes from who did not open it.</param>
    /// <param name="closing">Whether the packet ends the flow (TCP FIN or RST).</param>
    /// <param name="now">Time of the packet.</param>
    public bool Touch(in FlowKey key, bool reply, bool closing, Instant now)
    {
        var first = Set(key);
        for (var i = first; i < first + Ways; i++)
        {
            if (Matches(ref _entries[i], key, now))
            {
                Refresh(ref _entries[i], key, reply, closing, now);
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the flow is known, without refreshing it.</summary>
    public bool Knows(in FlowKey key, Instant now)
    {
        var first = Set(key);
        for (var i = first; i < first + Ways; i++)
        {
            if (Matches(ref _entries[i], key, now))
                return true;
        }

        return false;
    }

    /// <summary>Remembers the flow, or refreshes it if it is known.</summary>
    public void Open(in FlowKey key, bool closing, Instant now)
    {
        if (Touch(key, reply: false, closing, now))
            return;
        var first = Set(key);
        // Two attempts: a way that another thread is writing at this moment is left to it.
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var victim = first;
            for (var i = first + 1; i < first + Ways; i++)
            {
                if (Volatile.Read(ref _entries[i].Expires) < Volatile.Read(ref _entries[victim].Expires))
                    victim = i;
            }

            ref var entry = ref _entries[victim];
            var version = Volatile.Read(ref entry.Version);
            if ((version & 1) != 0 || Interlocked.CompareExchange(ref entry.Version, version + 1, version) != version)
                continue;
            entry.Key = key;
            entry.State = closing ? FlowState.Closing : FlowState.Opening;
            Volatile.Write(ref entry.Expires, now.Ticks + Timeout(key, entry.State).Ticks);
            Volatile.Write(ref entry.Version, version + 2);
            return;
        }
    }

    /// <summary>Forgets every flow of a peer.</summary>
    public void Forget(int peer)
    {
        for (var i = 0; i < _entries.Length; i++)
        {
            ref var entry = ref _entries[i];
            if (Volatile.Read(ref entry.Expires) != 0 && entry.Key.Peer == peer)
                Volatile.Write(ref entry.Expires, 0);
        }
    }

    static TimeSpan Timeout(in FlowKey key, FlowState state)
    {
        if ((key.Tag & FlowTag.Fragment) != 0)
            return Fragments;
        return key.Protocol switch
        {
            IpProtocol.Tcp => state switch
            {
                FlowState.Opening => TcpOpening,
                FlowState.Established => TcpEstablished,
                _ => TcpClosing,
            },
            IpProtocol.Icmp or IpProtocol.IcmpV6 => Echo,
            _ => state == FlowState.Opening ? DatagramOpening : DatagramEstablished,
        };
    }

    static bool Matches(ref Entry entry, in FlowKey key, Instant now)
    {
        SpinWait spin = default;
        for (var attempt = 0; attempt < MaxReadAttempts; attempt++)
        {
            var version = Volatile.Read(ref entry.Version);
            if ((version & 1) == 0)
            {
                var matches = entry.Expires > now.Ticks && entry.Key == key;
                Interlocked.MemoryBarrier();
                if (Volatile.Read(ref entry.Version) == version)
                    return matches;
            }

            // Another thread is refreshing the entry, perhaps for this very flow: taking it for a stranger would drop a good packet.
            spin.SpinOnce(sleep1Threshold: -1);
        }

        return false;
    }

    static void Refresh(ref Entry entry, in FlowKey key, bool reply, bool closing, Instant now)
    {
        var state = entry.State;
        if (closing && key.Protocol == IpProtocol.Tcp)
            state = FlowState.Closing;
        else if (reply && state == FlowState.Opening)
            state = FlowState.Established;
        var expires = now.Ticks + Timeout(key, state).Ticks;
        if (state == entry.State && expires - Volatile.Read(ref entry.Expires) < RefreshGranularity)
            return;
        // The entry may have been given to another flow since it matched: only whoever holds it may change it.
        var version = Volatile.Read(ref entry.Version);
        if ((version & 1) != 0 || Interlocked.CompareExchange(ref entry.Version, version + 1, version) != version)
            return;
        if (entry.Key == key)
        {
            entry.State = state;
            Volatile.Write(ref entry.Expires, expires);
        }

        Volatile.Write(ref entry.Version, version + 2);
    }

    int Set(in FlowKey key)
    {
        var h = _seed;
        h = Mix(h ^ (ulong)key.Local) + Mix(h + (ulong)(key.Local >> 64));
        h = Mix(h ^ (ulong)key.Remote) + Mix(h + (ulong)(key.Remote >> 64));
        h = Mix(h ^ ((ulong)key.LocalPort << 48 | (ulong)key.RemotePort << 32 | (uint)key.Peer));
        h = Mix(h ^ ((ulong)key.Protocol << 8 | key.Tag));
        return ((int)h & _setMask) * Ways;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static ulong Mix(ulong x)
    {
        // The finalizer of SplitMix64.
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }

    struct Entry
    {
        public int Version;
        public FlowState State;
        public long Expires;
        public FlowKey Key;
    }
}

/// <summary>Bits of <see cref="FlowKey.Tag"/>.</summary>
static class FlowTag
{
    public const byte OpenedByRemote = 1;
    public const byte V6 = 2;
    public const byte Fragment = 4;
}
