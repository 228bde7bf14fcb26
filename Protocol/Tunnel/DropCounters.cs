namespace Mesh.Protocol.Tunnel;

/// <summary>Counts drops by reason. Safe for concurrent use; allocates nothing after construction.</summary>
public sealed class DropCounters
{
    readonly long[] _counts = new long[(int)DropReason.PolicySend + 1];

    /// <summary>Gets the number of drops for a reason so far.</summary>
    public long this[DropReason reason] => Volatile.Read(ref _counts[(int)reason]);

    /// <summary>Gets the number of drops for all reasons so far.</summary>
    public long Total
    {
        get
        {
            var total = 0L;
            for (var i = 1; i < _counts.Length; i++)
                total += Volatile.Read(ref _counts[i]);
            return total;
        }
    }

    /// <summary>Counts one or more drops; <see cref="DropReason.None"/> is ignored.</summary>
    public void Count(DropReason reason, long packets = 1)
    {
        if (reason != DropReason.None)
            Interlocked.Add(ref _counts[(int)reason], packets);
    }

    /// <summary>Gives the reasons that have occurred, with their counts.</summary>
    public IReadOnlyList<KeyValuePair<DropReason, long>> Snapshot()
    {
        var list = new List<KeyValuePair<DropReason, long>>();
        for (var i = 1; i < _counts.Length; i++)
        {
            var count = Volatile.Read(ref _counts[i]);
            if (count != 0)
                list.Add(new((DropReason)i, count));
        }
        return list;
    }
}
