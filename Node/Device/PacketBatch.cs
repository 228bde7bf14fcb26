namespace Mesh.Node.Device;

/// <summary>A packet or datagram somewhere in pinned memory.</summary>
/// <param name="Data">First byte; the memory is pinned and lives as long as the batch that owns it.</param>
/// <param name="Length">Bytes.</param>
readonly unsafe record struct PacketRef(nint Data, int Length)
{
    /// <summary>The bytes.</summary>
    public Span<byte> Span => new((byte*)Data, Length);
}

/// <summary>
/// Pinned memory for a batch of packets read from the TUN device. Every slot has room before the packet for the transport header and after it
/// for padding and tag, so that a packet is encrypted where it lies and sent from there. Owned by one thread.
/// </summary>
sealed unsafe class PacketBatch
{
    /// <summary>Room before each packet: the 16-byte header of a transport message.</summary>
    public const int Headroom = 16;

    /// <summary>Room after each packet: up to 15 bytes of padding and the 16-byte tag, rounded up.</summary>
    public const int Tailroom = 32;

    readonly byte[] _arena;
    readonly int[] _lengths;
    readonly nint _base;

    /// <param name="capacity">Packets in a batch.</param>
    /// <param name="maxPacket">Longest packet, in bytes: the device's MTU.</param>
    public PacketBatch(int capacity, int maxPacket)
    {
        Capacity = capacity;
        MaxPacket = maxPacket;
        SlotSize = (Headroom + maxPacket + Tailroom + 63) & ~63;
        _arena = GC.AllocateUninitializedArray<byte>(capacity * SlotSize + 64, pinned: true);
        _base = ((nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _arena[0]) + 63) & ~(nint)63;
        _lengths = new int[capacity];
    }

    /// <summary>Packets that fit.</summary>
    public int Capacity { get; }

    /// <summary>Longest packet, in bytes.</summary>
    public int MaxPacket { get; }

    /// <summary>Bytes of one slot.</summary>
    public int SlotSize { get; }

    /// <summary>Packets in the batch now.</summary>
    public int Count { get; private set; }

    /// <summary>Empties the batch.</summary>
    public void Clear() => Count = 0;

    /// <summary>Where the next packet may be read to (<see cref="MaxPacket"/> bytes); valid while the batch is not full.</summary>
    public Span<byte> Next => new((byte*)_base + Count * SlotSize + Headroom, MaxPacket);

    /// <summary>Takes what was read into <see cref="Next"/> as a packet of this length.</summary>
    public void Commit(int length) => _lengths[Count++] = length;

    /// <summary>Length of a packet in bytes.</summary>
    public int Length(int index) => _lengths[index];

    /// <summary>A packet.</summary>
    public Span<byte> Packet(int index) => new((byte*)_base + index * SlotSize + Headroom, _lengths[index]);

    /// <summary>A packet's whole slot, header room first.</summary>
    public Span<byte> Slot(int index) => new((byte*)_base + index * SlotSize, SlotSize);

    /// <summary>A datagram that lies at the start of a slot.</summary>
    public PacketRef Reference(int index, int length) => new(_base + index * SlotSize, length);
}
