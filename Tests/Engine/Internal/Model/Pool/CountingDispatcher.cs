using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Tests.Engine.Model;

/// <summary>Turns on the thread pool, counted, so that one can tell when nobody has anything left to do.</summary>
sealed class CountingDispatcher : Dispatcher
{
    long _pending;
    long _turns;

    /// <summary>Turns that were asked for and are not over. A turn that asks for the next counts until then, so 0 means rest.</summary>
    public long Pending => Volatile.Read(ref _pending);

    public long Turns => Volatile.Read(ref _turns);

    public override void Schedule(Mailbox mailbox)
    {
        Interlocked.Increment(ref _pending);
        ThreadPool.UnsafeQueueUserWorkItem(static state => state.Dispatcher.Run(state.Mailbox), (Dispatcher: this, Mailbox: mailbox), false);
    }

    void Run(Mailbox mailbox)
    {
        mailbox.RunTurn();
        Interlocked.Increment(ref _turns);
        Interlocked.Decrement(ref _pending);
    }
}
