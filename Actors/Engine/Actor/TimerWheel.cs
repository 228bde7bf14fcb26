using System.Numerics;

namespace Mesh.Actors.Engine.Actor;

/// <summary>
/// Something that falls due at a tick, as a link of the list of its slot. Its scheduler holds the lock while these links change.
/// </summary>
abstract class WheelEntry
{
    internal WheelEntry? Next;
    internal WheelEntry? Previous;

    /// <summary>The slot whose list it is in: level times <see cref="TimerWheel.Slots"/> and the slot's number; -1 outside of all.</summary>
    internal int Slot = -1;

    /// <summary>When it falls due, in the scheduler's own finest unit: for the order of those that share a tick.</summary>
    public long Due { get; set; }

    /// <summary>The tick from which on it may fire.</summary>
    public long Tick { get; set; }

    /// <summary>For the order of those that are due at the same time.</summary>
    public long Order { get; set; }
}

/// <summary>
/// Deadlines in a hierarchical timing wheel (G. Varghese and T. Lauck, 1987, scheme 7): six levels of 64 slots, each level 64 times as
/// coarse as the one below. Adding and removing take constant time, however many there are; an entry moves down at most five times before
/// it is due. A mask of the slots in use finds the next one without looking at empty ones. Not safe for concurrent use.
/// </summary>
sealed class TimerWheel
{
    public const int Slots = 1 << Bits;

    const int Bits = 6;
    const int Levels = 6;

    const int TopShift = Bits * (Levels - 1);

    readonly WheelEntry?[] _slots = new WheelEntry?[Levels * Slots];
    readonly ulong[] _used = new ulong[Levels];
    readonly List<WheelEntry> _due = [];

    /// <summary>The tick up to which everything that is due was handed out.</summary>
    public long Now { get; private set; }

    /// <summary>How many entries there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds an entry under its <see cref="WheelEntry.Tick"/>. One that is due already comes with the next tick.</summary>
    public void Add(WheelEntry entry)
    {
        Count++;
        Place(entry, Math.Max(entry.Tick, Now + 1));
    }

    /// <summary>Takes an entry out; false if it is not in.</summary>
    public bool Remove(WheelEntry entry)
    {
        if (entry.Slot < 0)
            return false;
        if (entry.Previous is { } previous)
            previous.Next = entry.Next;
        else
            _slots[entry.Slot] = entry.Next;
        if (entry.Next is { } next)
            next.Previous = entry.Previous;
        if (_slots[entry.Slot] is null)
            _used[entry.Slot / Slots] &= ~(1UL << (entry.Slot % Slots));
        Forget(entry);
        Count--;
        return true;
    }

    /// <summary>Takes everything out and returns it.</summary>
    public List<WheelEntry> Clear()
    {
        List<WheelEntry> taken = [];
        for (var slot = 0; slot < _slots.Length; slot++)
        {
            while (_slots[slot] is { } entry)
            {
                Remove(entry);
                taken.Add(entry);
            }
        }
        return taken;
    }

    /// <summary>The tick at which the wheel has to be turned next: that of the first entry or, if that is far ahead, an earlier one.</summary>
    public long? NextTick
    {
        get
        {
            for (var level = 0; level < Levels; level++)
            {
                if (_used[level] != 0)
                    return FirstOf(level).Start;
            }
            return null;
        }
    }

    /// <summary>Turns the wheel to a tick and hands out what has fallen due, in the order of the deadlines, then of the additions.</summary>
    /// <returns>A list that is valid until the next call.</returns>
    public List<WheelEntry> TurnTo(long tick)
    {
        _due.Clear();
        while (NextTick is { } next && next <= tick)
        {
            var level = 0;
            while (_used[level] == 0)
                level++;
            var (slot, start) = FirstOf(level);
            Now = start;
            TurnSlot(level * Slots + slot);
        }
        Now = Math.Max(Now, tick);
        if (_due.Count > 1)
            _due.Sort(static (left, right) => left.Due != right.Due ? left.Due.CompareTo(right.Due) : left.Order.CompareTo(right.Order));
        return _due;
    }

    void TurnSlot(int slot)
    {
        var entry = _slots[slot];
        _slots[slot] = null;
        _used[slot / Slots] &= ~(1UL << (slot % Slots));
        while (entry is not null)
        {
            var next = entry.Next;
            Forget(entry);
            if (entry.Tick <= Now)
            {
                Count--;
                _due.Add(entry);
            }
            else
            {
                Place(entry, entry.Tick);
            }
            entry = next;
        }
    }

    void Place(WheelEntry entry, long tick)
    {
        // What is further ahead is looked at again when the wheel has come around: with ticks of a millisecond, after two years.
        tick = Math.Min(tick, ((Now >> TopShift) + Slots - 1) << TopShift);
        // The highest group of bits in which the tick differs from now says how coarse a look is enough for the time being.
        var level = Math.Min(BitOperations.Log2((ulong)((tick ^ Now) | (Slots - 1))) / Bits, Levels - 1);
        var slot = level * Slots + (int)((tick >> (Bits * level)) & (Slots - 1));
        entry.Slot = slot;
        entry.Next = _slots[slot];
        if (entry.Next is { } next)
            next.Previous = entry;
        _slots[slot] = entry;
        _used[level] |= 1UL << (slot % Slots);
    }

    (int Slot, long Start) FirstOf(int level)
    {
        var shift = Bits * level;
        var here = (int)((Now >> shift) & (Slots - 1));
        var ahead = BitOperations.TrailingZeroCount(BitOperations.RotateRight(_used[level], here));
        var slot = (here + ahead) % Slots;
        return (slot, ((Now >> shift) + ahead) << shift);
    }

    static void Forget(WheelEntry entry)
    {
        entry.Next = null;
        entry.Previous = null;
        entry.Slot = -1;
    }
}
