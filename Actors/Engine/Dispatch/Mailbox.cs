using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Dispatch;

/// <summary>
/// The queues of one cell and its place with the dispatcher. Any thread enqueues; one at a time runs. System messages drain before the
/// first and after each user message; after <see cref="Throughput"/> user messages the thread is given back.
/// </summary>
sealed class Mailbox : IThreadPoolWorkItem
{
    public const int Throughput = 30;

    const int Idle = 0;
    const int Scheduled = 1;
    const int Closed = 2;

    readonly ActorCell _cell;
    MessageQueue _messages;
    SystemMessage? _system;
    int _state = Closed;
    volatile int _suspensions;
    volatile bool _closed;
    int _deepest;

    public Mailbox(ActorCell cell) => _cell = cell;

    /// <summary>How often user messages were suspended and not yet resumed. Changed on the cell's turn only.</summary>
    public int Suspensions => _suspensions;

    public bool HasMessages => _messages.HasMessages;

    /// <summary>How many user messages wait.</summary>
    public int Depth => _messages.Count;

    /// <summary>The most user messages that waited when a turn began.</summary>
    public int Deepest => _deepest;

    /// <summary>True while a turn is running or about to.</summary>
    public bool IsScheduled => Volatile.Read(ref _state) == Scheduled;

    public bool IsClosed => _closed;

    /// <summary>Whose mailbox it is.</summary>
    public ActorCell Cell => _cell;

    /// <summary>Takes the first turn; until then messages only queue up.</summary>
    public void Start()
    {
        Volatile.Write(ref _state, Idle);
        TrySchedule();
    }

    public void Enqueue(object message, IActorRef? sender)
    {
        _messages.Enqueue(message, sender);
        if (_closed)
            DrainToDeadLetters();
        else if (Volatile.Read(ref _state) == Idle)
            TrySchedule();
    }

    /// <summary>Puts a message before all others. On the cell's turn only.</summary>
    public void EnqueueFirst(Envelope envelope) => _messages.EnqueueFirst(envelope.Message, envelope.Sender);

    public void EnqueueSystem(SystemMessage message)
    {
        while (true)
        {
            var head = Volatile.Read(ref _system);
            if (ReferenceEquals(head, ClosedMarker.Instance))
            {
                DeadLetterActorRef.AnswerFromTheDead(message);
                return;
            }
            message.Next = head;
            if (ReferenceEquals(Interlocked.CompareExchange(ref _system, message, head), head))
                break;
        }
        if (Volatile.Read(ref _state) == Idle)
            TrySchedule();
    }

    public void SuspendMessages() => _suspensions++;

    public void ResumeMessages()
    {
        if (_suspensions > 0)
            _suspensions--;
    }

    /// <summary>Ends the mailbox. What is queued goes to the dead letters, and so does what still arrives. On the cell's turn only.</summary>
    public void Close()
    {
        _closed = true;
        Interlocked.Exchange(ref _state, Closed);
        var rest = InArrivalOrder(Interlocked.Exchange(ref _system, ClosedMarker.Instance));
        while (rest is not null)
        {
            var next = rest.Next;
            rest.Next = null;
            DeadLetterActorRef.AnswerFromTheDead(rest);
            rest = next;
        }
        DrainToDeadLetters();
    }

    void IThreadPoolWorkItem.Execute() => RunTurn();

    /// <summary>Runs the system messages and up to <see cref="Throughput"/> user messages. Called by the dispatcher, once for each time
    /// that the mailbox was scheduled.</summary>
    public void RunTurn()
    {
        var previous = ActorCell.Current;
        ActorCell.Current = _cell;
        try
        {
            if (!_closed)
            {
                RunSystemMessages();
                RunMessages();
            }
        }
        finally
        {
            ActorCell.Current = previous;
            if (Interlocked.CompareExchange(ref _state, Idle, Scheduled) == Scheduled)
                TrySchedule();
        }
    }

    void RunMessages()
    {
        var left = Throughput;
        if (_messages.Count is var depth && depth > _deepest)
            _deepest = depth;
        while (left-- > 0 && _suspensions == 0 && !_closed && _messages.TryDequeue(out var message, out var sender))
        {
            _cell.Invoke(message, sender);
            RunSystemMessages();
        }
    }

    void RunSystemMessages()
    {
        while (!_closed && Volatile.Read(ref _system) is not null)
            _cell.InvokeSystem(InArrivalOrder(Interlocked.Exchange(ref _system, null))!);
    }

    void TrySchedule()
    {
        // The queues are read after the state was set or found idle by an interlocked operation, so either this thread sees the message
        // or the thread that adds it sees the idle state.
        if ((Volatile.Read(ref _system) is not null || (_suspensions == 0 && _messages.HasMessages))
            && Interlocked.CompareExchange(ref _state, Scheduled, Idle) == Idle)
        {
            _cell.SystemImpl.Dispatcher.Schedule(this);
        }
    }

    void DrainToDeadLetters()
    {
        var deadLetters = _cell.SystemImpl.DeadLettersRef;
        while (true)
        {
            object? message;
            IActorRef? sender;
            // Late senders and the closing cell may come here together, and the queue bears one reader only. Publishing stays outside:
            // a subscriber may be closing too.
            lock (_cell)
            {
                if (!_messages.TryDequeue(out message, out sender))
                    return;
            }
            deadLetters.Tell(new Event.DeadLetter(message, sender ?? deadLetters, _cell.Self), sender);
        }
    }

    static SystemMessage? InArrivalOrder(SystemMessage? newestFirst)
    {
        SystemMessage? reversed = null;
        while (newestFirst is not null)
        {
            var next = newestFirst.Next;
            newestFirst.Next = reversed;
            reversed = newestFirst;
            newestFirst = next;
        }
        return reversed;
    }

    sealed class ClosedMarker : SystemMessage
    {
        public static readonly ClosedMarker Instance = new();
    }
}
