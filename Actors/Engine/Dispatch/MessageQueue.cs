using System.Diagnostics.CodeAnalysis;
using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Dispatch;

/// <summary>
/// An unbounded queue for many writers and one reader: a chain of rings, of which the newest takes what comes and is used again and again
/// as long as it does not overflow, so that a queue in balance allocates nothing. A ring that overflows is closed and followed by one of
/// twice its size; a large one that turns out to be hardly used is closed and followed by a small one. The ring is D. Vyukov's bounded queue with a sequence number in each slot. In front stands a stack of prepended
/// messages that only the reader touches.
/// </summary>
struct MessageQueue
{
    const int SmallestRing = 4;

    /// <summary>192 KB. What does not fit is a chain of these.</summary>
    const int LargestRing = 8192;

    /// <summary>6 KB, which a queue keeps however little comes.</summary>
    const int KeptRing = 256;

    Ring? _newest;
    Ring? _oldest;
    long _read;
    long _readWhenEmpty;
    Prepended? _prepended;

    /// <summary>True if a message is queued or just being queued.</summary>
    public readonly bool HasMessages
    {
        get
        {
            if (Volatile.Read(in _prepended) is not null)
                return true;
            return Volatile.Read(in _oldest) is { } oldest
                && (oldest.Claimed != Volatile.Read(in _read) || Volatile.Read(ref oldest.Next) is not null);
        }
    }

    /// <summary>How many messages are queued: exact on the reader's side, from elsewhere a glimpse.</summary>
    public readonly int Count
    {
        get
        {
            long count = Volatile.Read(in _prepended)?.Count ?? 0;
            if (Volatile.Read(in _oldest) is { } oldest && Volatile.Read(in _newest) is { } newest)
                count += Math.Max(0, newest.Before + newest.Claimed - oldest.Before - Volatile.Read(in _read));
            return (int)Math.Min(count, int.MaxValue);
        }
    }

    /// <summary>Appends a message. From any thread.</summary>
    public void Enqueue(object message, IActorRef? sender)
    {
        if (Volatile.Read(ref _newest) is not { } newest || !newest.TryWrite(message, sender))
            EnqueueInAnother(message, sender);
    }

    /// <summary>Puts a message before all others. From the reader only.</summary>
    public void EnqueueFirst(object message, IActorRef? sender) => _prepended = new Prepended(message, sender, _prepended);

    /// <summary>Takes the oldest message. From the reader only.</summary>
    public bool TryDequeue([MaybeNullWhen(false)] out object message, out IActorRef? sender)
    {
        if (_prepended is { } first)
        {
            _prepended = first.Next;
            message = first.Message;
            sender = first.Sender;
            return true;
        }

        var ring = Volatile.Read(ref _oldest);
        var spin = default(SpinWait);
        while (ring is not null)
        {
            if (ring.TryRead(_read, out message, out sender))
            {
                Volatile.Write(ref _read, _read + 1);
                return true;
            }
            if (ring.Claimed != _read)
            {
                // A writer between its claim and its writing leaves a gap for a few instructions.
                spin.SpinOnce();
                continue;
            }
            if (Volatile.Read(ref ring.Next) is not { } next)
            {
                NoteEmpty(ring);
                break;
            }
            // A claim may have come before the ring was closed and after it was found empty.
            if (ring.Claimed != _read)
                continue;
            _readWhenEmpty = 0;
            Volatile.Write(ref _read, 0);
            Volatile.Write(ref _oldest, next);
            ring = next;
        }
        message = null;
        sender = null;
        return false;
    }

    // A burst is over when less has come since the queue was empty last than a part of what there is room for.
    void NoteEmpty(Ring ring)
    {
        if (ring.Capacity > KeptRing && _read - _readWhenEmpty < ring.Capacity / 16)
            ring.GiveUp();
        _readWhenEmpty = _read;
    }

    void EnqueueInAnother(object message, IActorRef? sender)
    {
        Ring? made = null;
        while (true)
        {
            var newest = Volatile.Read(ref _newest);
            if (newest is null)
            {
                made ??= new Ring(SmallestRing, message, sender);
                if (Interlocked.CompareExchange(ref _newest, made, null) is not null)
                    continue;
                // A full fence: who queued this looks at the reader's state next.
                Interlocked.Exchange(ref _oldest, made);
                return;
            }
            if (newest.TryWrite(message, sender))
                return;

            newest.Close();
            var capacity = newest.IsGivenUp ? SmallestRing : Math.Min(newest.Capacity * 2, LargestRing);
            if (made?.Capacity != capacity)
                made = new Ring(capacity, message, sender);
            made.Before = newest.Before + newest.Claimed;
            var next = Interlocked.CompareExchange(ref newest.Next, made, null);
            Interlocked.CompareExchange(ref _newest, next ?? made, newest);
            if (next is null)
                return;
        }
    }

    sealed class Prepended(object message, IActorRef? sender, Prepended? next)
    {
        public object Message { get; } = message;

        public IActorRef? Sender { get; } = sender;

        public Prepended? Next { get; } = next;

        public int Count { get; } = (next?.Count ?? 0) + 1;
    }

    struct Slot
    {
        public object? Message;
        public IActorRef? Sender;

        /// <summary>The position that may be written here, or, one more, that may be read here.</summary>
        public long Sequence;
    }

    sealed class Ring
    {
        const long ClosedFlag = long.MinValue;

        readonly Slot[] _slots;
        long _claimed;
        bool _isGivenUp;

        public Ring(int capacity, object message, IActorRef? sender)
        {
            _slots = new Slot[capacity];
            for (var position = 1; position < capacity; position++)
                _slots[position].Sequence = position;
            _slots[0] = new Slot { Message = message, Sender = sender, Sequence = 1 };
            _claimed = 1;
        }

        public Ring? Next;

        /// <summary>How many messages the rings before it have held.</summary>
        public long Before { get; set; }

        public int Capacity => _slots.Length;

        /// <summary>How many positions writers have claimed so far.</summary>
        public long Claimed => Volatile.Read(ref _claimed) & ~ClosedFlag;

        /// <summary>True once the reader has found it too large.</summary>
        public bool IsGivenUp => Volatile.Read(ref _isGivenUp);

        /// <summary>Ends writing, because a small ring will do.</summary>
        public void GiveUp()
        {
            Volatile.Write(ref _isGivenUp, true);
            Close();
        }

        /// <summary>Ends writing; who has claimed a position still writes it.</summary>
        public void Close() => Interlocked.Or(ref _claimed, ClosedFlag);

        /// <summary>Writes behind the others; false if the ring is full or closed.</summary>
        public bool TryWrite(object message, IActorRef? sender)
        {
            var slots = _slots;
            var position = Volatile.Read(ref _claimed);
            while (position >= 0)
            {
                ref var slot = ref slots[(int)position & (slots.Length - 1)];
                var ahead = Volatile.Read(ref slot.Sequence) - position;
                if (ahead == 0)
                {
                    var found = Interlocked.CompareExchange(ref _claimed, position + 1, position);
                    if (found == position)
                    {
                        slot.Message = message;
                        slot.Sender = sender;
                        Volatile.Write(ref slot.Sequence, position + 1);
                        return true;
                    }
                    position = found;
                }
                else if (ahead < 0)
                {
                    return false;
                }
                else
                {
                    position = Volatile.Read(ref _claimed);
                }
            }
            return false;
        }

        /// <summary>Reads what was written at a position; false while nothing is. From the reader only.</summary>
        public bool TryRead(long position, [MaybeNullWhen(false)] out object message, out IActorRef? sender)
        {
            ref var slot = ref _slots[(int)position & (_slots.Length - 1)];
            if (Volatile.Read(ref slot.Sequence) != position + 1)
            {
                message = null;
                sender = null;
                return false;
            }
            message = slot.Message!;
            sender = slot.Sender;
            slot.Message = null;
            slot.Sender = null;
            Volatile.Write(ref slot.Sequence, position + _slots.Length);
            return true;
        }
    }
}
