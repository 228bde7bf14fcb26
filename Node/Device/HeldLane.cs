using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>
/// A peer's packets that one sending thread holds while there is no session. Only that thread touches <see cref="Held"/>; others leave word
/// and ask it to look (<see cref="ReleaseQueue"/>).
/// </summary>
sealed class HeldLane
{
    int _discard;
    volatile bool _hasHeld;

    /// <summary>Held packets, oldest first.</summary>
    public StagedPackets<HeldPacket> Held { get; } = new();

    /// <summary>Whether packets are held; set by the sending thread only.</summary>
    public bool HasHeld { get => _hasHeld; set => _hasHeld = value; }

    /// <summary>Why held packets are to be dropped; None: they are to be sent.</summary>
    public DropReason DiscardReason
    {
        get => (DropReason)Volatile.Read(ref _discard);
        set => Volatile.Write(ref _discard, (int)value);
    }
}

/// <summary>A packet that waits for a session, with room around it so that it is sealed where it lies.</summary>
sealed class HeldPacket(int headroom, int size, int tailroom)
{
    readonly PinnedMemory _memory = new(headroom + size + tailroom);

    /// <summary>Longest packet that fits.</summary>
    public int Size => size;

    /// <summary>Bytes of the inner packet.</summary>
    public int Length { get; private set; }

    /// <summary>Where the whole buffer starts, header room first.</summary>
    public nint Start => _memory.Start;

    /// <summary>The whole buffer, header room first.</summary>
    public Span<byte> Slot => _memory.From(0);

    /// <summary>Copies a packet in.</summary>
    public void Set(ReadOnlySpan<byte> packet)
    {
        packet.CopyTo(_memory.From(headroom));
        Length = packet.Length;
    }
}

/// <summary>Lends buffers for held packets, up to a number that bounds their memory. Of the sending thread.</summary>
sealed class HeldPacketPool(int capacity, int headroom, int tailroom)
{
    // Most packets fit the usual MTU; a longer one gets a buffer of its own length.
    const int Usual = 1536;

    readonly Stack<HeldPacket> _free = new(capacity);
    int _lent;

    /// <summary>A buffer with a copy of the packet, or null when all are lent.</summary>
    public HeldPacket? Rent(ReadOnlySpan<byte> packet)
    {
        if (_lent == capacity)
            return null;
        _lent++;
        if (packet.Length > Usual || !_free.TryPop(out var held))
            held = new HeldPacket(headroom, Math.Max(Usual, packet.Length), tailroom);
        held.Set(packet);
        return held;
    }

    /// <summary>Takes a buffer back.</summary>
    public void Return(HeldPacket held)
    {
        _lent--;
        if (held.Size == Usual)
            _free.Push(held);
    }
}
