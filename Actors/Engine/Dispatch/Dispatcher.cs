using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Dispatch;

/// <summary>
/// Gives mailboxes their turns. A mailbox is scheduled once at a time and runs <see cref="Mailbox.RunTurn"/> once for it, so whoever
/// chooses the order of the turns chooses everything that happens.
/// </summary>
abstract class Dispatcher
{
    /// <summary>Has the mailbox run one turn. From any thread.</summary>
    public abstract void Schedule(Mailbox mailbox);
}

/// <summary>
/// Turns on the threads of the process's pool. A turn that is set off by another goes to the queue of that one's own thread, whose
/// processor has in its cache what the message is about; other threads take from there too when they have nothing else to do.
/// </summary>
sealed class ThreadPoolDispatcher : Dispatcher
{
    /// <summary>
    /// A thread takes the newest from its own queue first, and that before what all threads share. Every so often a turn goes to the
    /// shared queue, so that two actors that keep each other busy do not keep the rest waiting.
    /// </summary>
    const int OwnInARow = 63;

    public static readonly ThreadPoolDispatcher Instance = new();

    [ThreadStatic]
    static int _inARow;

    public override void Schedule(Mailbox mailbox)
    {
        var own = ActorCell.Current is not null && ++_inARow <= OwnInARow;
        if (!own)
            _inARow = 0;
        ThreadPool.UnsafeQueueUserWorkItem(mailbox, own);
    }
}
