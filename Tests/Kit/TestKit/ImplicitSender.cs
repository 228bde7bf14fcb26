using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.TestKit;

/// <summary>Makes the test actor the sender of what a test tells, also after an await.</summary>
sealed class ImplicitSender : SynchronizationContext
{
    readonly SynchronizationContext _inner;
    readonly ActorCell _cell;

    ImplicitSender(SynchronizationContext inner, ActorCell cell)
    {
        _inner = inner;
        _cell = cell;
    }

    public static void Install(ActorCell cell)
    {
        var inner = Current is ImplicitSender outer ? outer._inner : Current ?? new SynchronizationContext();
        SetSynchronizationContext(new ImplicitSender(inner, cell));
        ActorCell.Current = cell;
    }

    public static void Uninstall()
    {
        if (Current is ImplicitSender installed)
            SetSynchronizationContext(installed._inner);
        ActorCell.Current = null;
    }

    public override void Post(SendOrPostCallback d, object? state) => _inner.Post(_ => Run(d, state), null);

    public override void Send(SendOrPostCallback d, object? state) => _inner.Send(_ => Run(d, state), null);

    public override SynchronizationContext CreateCopy() => new ImplicitSender(_inner.CreateCopy(), _cell);

    public override void OperationStarted() => _inner.OperationStarted();

    public override void OperationCompleted() => _inner.OperationCompleted();

    void Run(SendOrPostCallback d, object? state)
    {
        var (cell, context) = (ActorCell.Current, Current);
        ActorCell.Current = _cell;
        SetSynchronizationContext(this);
        try
        {
            d(state);
        }
        finally
        {
            ActorCell.Current = cell;
            SetSynchronizationContext(context);
        }
    }
}
