using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Mesh.Node.Device;

/// <summary>Peers whose held packets one sending thread is to send or drop. Filled from any thread, emptied by that one.</summary>
/// <param name="number">Number of the sending thread, from 0.</param>
sealed class ReleaseQueue(int number)
{
    readonly ConcurrentQueue<PeerSlot> _slots = new();
    volatile WakeEvent? _wake;

    /// <summary>Number of the sending thread, from 0.</summary>
    public int Number => number;

    /// <summary>What wakes the thread; null while there is none.</summary>
    public WakeEvent? Wake
    {
        set
        {
            _wake = value;
            value?.Set();
        }
    }

    /// <summary>Leaves a peer.</summary>
    public void Add(PeerSlot slot)
    {
        _slots.Enqueue(slot);
        _wake?.Set();
    }

    /// <summary>Takes the next peer.</summary>
    public bool TryTake([NotNullWhen(true)] out PeerSlot? slot) => _slots.TryDequeue(out slot);
}
