using System.Runtime.CompilerServices;

namespace Mesh.Node.Device;

/// <summary>A datagram to be sent, in pinned memory.</summary>
readonly record struct OutgoingDatagram(PacketRef Data, SocketEndpoint Endpoint);

/// <summary>
/// The outside end of the data path: datagrams on one port, IPv4 and IPv6. Implemented by <see cref="UdpPort"/> and, in tests, by memory.
/// Receiving and <see cref="CreateSender"/>'s senders belong to one thread each; <see cref="TrySend"/> may be called from any.
/// </summary>
interface IDatagramPort
{
    /// <summary>The local port number.</summary>
    int LocalPort { get; }

    /// <summary>Descriptors to poll for reading, one per address family in use.</summary>
    IReadOnlyList<int> Descriptors { get; }

    /// <summary>Fills the batch with what waits on one descriptor.</summary>
    /// <returns>0, or the errno that ended receiving for good.</returns>
    int Receive(int descriptor, ReceiveBatch batch);

    /// <summary>Makes a sender for one thread.</summary>
    IDatagramSender CreateSender();

    /// <summary>Sends one datagram now.</summary>
    /// <returns>0 or the errno.</returns>
    int TrySend(ReadOnlySpan<byte> datagram, SocketEndpoint endpoint);
}

/// <summary>Sends batches; owned by one thread.</summary>
interface IDatagramSender
{
    /// <summary>Sends all, in order per endpoint. Never throws.</summary>
    /// <param name="datagrams">What to send.</param>
    /// <param name="failed">Gets, for each datagram, whether it was refused by the kernel; at least as long as <paramref name="datagrams"/>.</param>
    /// <returns>How many were refused.</returns>
    int Send(ReadOnlySpan<OutgoingDatagram> datagrams, Span<bool> failed);
}

/// <summary>
/// Pinned memory for a batch of received units. With receive offload a unit is several datagrams of one sender, each
/// <see cref="SegmentSize"/> long except the last. Owned by one thread.
/// </summary>
sealed unsafe class ReceiveBatch
{
    /// <summary>Bytes of a unit: the largest UDP payload.</summary>
    public const int UnitSize = 65536;

    readonly byte[] _arena;
    readonly nint _base;
    readonly int[] _lengths;
    readonly int[] _segments;
    readonly RawEndpoint[] _sources;

    /// <param name="capacity">Units in a batch.</param>
    public ReceiveBatch(int capacity)
    {
        Capacity = capacity;
        _arena = GC.AllocateUninitializedArray<byte>(capacity * UnitSize + 64, pinned: true);
        _base = ((nint)Unsafe.AsPointer(ref _arena[0]) + 63) & ~(nint)63;
        _lengths = new int[capacity];
        _segments = new int[capacity];
        _sources = GC.AllocateArray<RawEndpoint>(capacity, pinned: true);
    }

    /// <summary>Units that fit.</summary>
    public int Capacity { get; }

    /// <summary>Units received.</summary>
    public int Count { get; set; }

    /// <summary>Memory of a unit.</summary>
    public PacketRef Unit(int index) => new(_base + index * UnitSize, _lengths[index]);

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
}
