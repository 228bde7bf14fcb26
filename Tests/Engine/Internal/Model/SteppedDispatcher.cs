using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Tests.Engine.Model;

/// <summary>Keeps the mailboxes that want a turn until the test gives one to whom it likes, on the test's own thread.</summary>
sealed class SteppedDispatcher : Dispatcher
{
    readonly List<Mailbox> _scheduled = [];

    /// <summary>Who waits for a turn, the longest waiting first.</summary>
    public IReadOnlyList<Mailbox> Scheduled => _scheduled;

    public override void Schedule(Mailbox mailbox)
    {
        if (_scheduled.Contains(mailbox))
            throw new InvalidOperationException($"{mailbox.Cell.Self} was scheduled twice.");
        _scheduled.Add(mailbox);
    }

    public void RunTurn(Mailbox mailbox)
    {
        if (!_scheduled.Remove(mailbox))
            throw new InvalidOperationException($"{mailbox.Cell.Self} is not scheduled.");
        // With a context of the test runner's, continuations would go there instead of to their actor.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            mailbox.RunTurn();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }
}
