using System.Runtime.CompilerServices;

namespace Mesh.Node.Device;

/// <summary>
/// Pinned memory for a batch of received units. With receive offload a unit is several datagrams of one sender, each
/// <see cref="SegmentSize"/> long except the last. Owned by one thread.
/// </summary>
sealed class ReceiveBatch
{
    /// <summary>Bytes of a unit: the largest UDP payload.</summary>
    public const int UnitSize = 65536;

    // Units that start at the same offset of a page would all fall into the same sets of the caches; each starts 33 lines further on.
    const int Stride = UnitSize + 33 * 64;

    // A unit this large means that the kernel coalesces: a few such units are as much as the caches hold.
    const int LargeUnit = 16384;
    const int LargeUnitsAtOnce = 2;

    readonly PinnedMemory _memory;
    readonly int[] _lengths;
    readonly int[] _segments;
    readonly RawEndpoint[] _sources;

    /// <param name="capacity">Units in a batch.</param>
    public ReceiveBatch(int capacity)
    {
        Capacity = Wanted = capacity;
        _memory = new PinnedMemory(capacity * Stride);
        _lengths = new int[capacity];
        _segments = new int[capacity];
        _sources = GC.AllocateArray<RawEndpoint>(capacity, pinned: true);
    }

    /// <summary>Units that fit.</summary>
    public int Capacity { get; }

    /// <summary>Units that are worth asking for, after what came last: many small ones, or a few large ones.</summary>
    public int Wanted { get; private set; }

    /// <summary>Units received.</summary>
    public int Count { get; private set; }

    /// <summary>Where a unit is received to: <see cref="UnitSize"/> bytes.</summary>
    public nint Place(int index) => _memory.Start + index * Stride;

    /// <summary>A received unit.</summary>
    public PacketRef Unit(int index) => new(Place(index), _lengths[index]);

    /// <summary>Length of the datagrams in a unit; the last may be shorter.</summary>
    public int SegmentSize(int index) => _segments[index];

    /// <summary>Where a unit came from and on which local address.</summary>
    public ref RawEndpoint Source(int index) => ref _sources[index];

    /// <summary>Records a unit.</summary>
    public void Set(int index, int length, int segmentSize)
    {
        _lengths[index] = length;
        _segments[index] = segmentSize;
    }

    /// <summary>Records how many units there are.</summary>
    public void Complete(int count)
    {
        Count = count;
        if (count > 0)
            Wanted = _lengths[0] >= LargeUnit ? Math.Min(LargeUnitsAtOnce, Capacity) : Capacity;
    }
}
