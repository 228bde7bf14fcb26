using System.Diagnostics.CodeAnalysis;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Holds the packets of one peer while a handshake runs, oldest first, at most <see cref="Capacity"/>. The data path owns the buffers:
/// whatever comes back from <see cref="Add"/> or <see cref="TryTake"/> is its to return. Safe for concurrent use; it is off the path of
/// packets that have a session, so a lock is good enough.
/// </summary>
public sealed class StagedPackets<TPacket>
{
    readonly Queue<TPacket> _packets;

    /// <summary>Creates an empty holder.</summary>
    public StagedPackets(int capacity = TunnelTuning.StagedPackets)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        Capacity = capacity;
        _packets = new Queue<TPacket>();
    }

    /// <summary>Gets the bound.</summary>
    public int Capacity { get; }

    /// <summary>Gets the number of packets held.</summary>
    public int Count
    {
        get
        {
            lock (_packets)
                return _packets.Count;
        }
    }

    /// <summary>
    /// Adds a packet. When the holder is full the oldest makes room: returns true and hands it back, for the caller to count as
    /// <see cref="DropReason.StagingOverflow"/>.
    /// </summary>
    public bool Add(TPacket packet, [MaybeNullWhen(false)] out TPacket displaced)
    {
        lock (_packets)
        {
            var full = _packets.Count == Capacity;
            displaced = full ? _packets.Dequeue() : default;
            _packets.Enqueue(packet);
            return full;
        }
    }

    /// <summary>Takes the oldest packet.</summary>
    public bool TryTake([MaybeNullWhen(false)] out TPacket packet)
    {
        lock (_packets)
            return _packets.TryDequeue(out packet);
    }
}
