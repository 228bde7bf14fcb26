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

/// <summary>Turns on the threads of the process's pool.</summary>
sealed class ThreadPoolDispatcher : Dispatcher
{
    public static readonly ThreadPoolDispatcher Instance = new();

    public override void Schedule(Mailbox mailbox) => ThreadPool.UnsafeQueueUserWorkItem(mailbox, preferLocal: false);
}
