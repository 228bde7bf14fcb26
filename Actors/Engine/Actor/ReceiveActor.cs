using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

/// <summary>
/// An actor with a handler for each message type. The first handler that matches in order of registration wins; what none wants is
/// unhandled. Handlers are registered in the constructor and within <c>Become</c> only.
/// </summary>
public abstract class ReceiveActor : UntypedActor
{
    HandlerList? _registering;
    readonly HandlerList _initial;

    protected ReceiveActor()
    {
        _initial = new HandlerList();
        _registering = _initial;
    }

    /// <summary>Replaces the behaviour by the handlers that <paramref name="configure"/> registers.</summary>
    protected void Become(Action configure) => base.Become(Configure(configure));

    /// <summary>Pushes the handlers that <paramref name="configure"/> registers.</summary>
    protected void BecomeStacked(Action configure) => base.BecomeStacked(Configure(configure));

    /// <summary>Handles messages of a type.</summary>
    /// <exception cref="InvalidOperationException">Not in the constructor or <c>Become</c>, or after a handler that takes everything.</exception>
    protected void Receive<T>(Action<T> handler, Predicate<T>? shouldHandle = null) =>
        Registering.Add(new ActionHandler<T>(handler, shouldHandle));

    /// <inheritdoc cref="Receive{T}(Action{T}, Predicate{T})"/>
    protected void Receive<T>(Predicate<T> shouldHandle, Action<T> handler) => Receive(handler, shouldHandle);

    /// <summary>Handles messages of a type if <paramref name="handler"/> returns true.</summary>
    protected void Receive<T>(Func<T, bool> handler) => Registering.Add(new FuncHandler<T>(handler));

    /// <inheritdoc cref="Receive{T}(Action{T}, Predicate{T})"/>
    protected void Receive(Type messageType, Action<object> handler, Predicate<object>? shouldHandle = null) =>
        Registering.Add(new TypeHandler(messageType, handler, shouldHandle));

    /// <inheritdoc cref="Receive{T}(Action{T}, Predicate{T})"/>
    protected void Receive(Type messageType, Predicate<object> shouldHandle, Action<object> handler) =>
        Receive(messageType, handler, shouldHandle);

    /// <inheritdoc cref="Receive{T}(Func{T, bool})"/>
    protected void Receive(Type messageType, Func<object, bool> handler) =>
        Registering.Add(new TypeFuncHandler(messageType, handler));

    /// <summary>Handles everything; no handler may follow.</summary>
    protected void ReceiveAny(Action<object> handler) => Registering.Add(new ActionHandler<object>(handler, null));

    /// <summary>Handles messages of a type; no other message is handled before the task ends.</summary>
    protected void ReceiveAsync<T>(Func<T, Task> handler, Predicate<T>? shouldHandle = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Receive<T>(message => ActorTaskScheduler.RunTask(handler, message), shouldHandle);
    }

    /// <inheritdoc cref="ReceiveAsync{T}(Func{T, Task}, Predicate{T})"/>
    protected void ReceiveAsync<T>(Predicate<T> shouldHandle, Func<T, Task> handler) => ReceiveAsync(handler, shouldHandle);

    /// <inheritdoc cref="ReceiveAsync{T}(Func{T, Task}, Predicate{T})"/>
    protected void ReceiveAsync(Type messageType, Func<object, Task> handler, Predicate<object>? shouldHandle = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Receive(messageType, message => ActorTaskScheduler.RunTask(handler, message), shouldHandle);
    }

    /// <inheritdoc cref="ReceiveAsync{T}(Func{T, Task}, Predicate{T})"/>
    protected void ReceiveAsync(Type messageType, Predicate<object> shouldHandle, Func<object, Task> handler) =>
        ReceiveAsync(messageType, handler, shouldHandle);

    /// <summary>Handles everything asynchronously; no handler may follow.</summary>
    protected void ReceiveAnyAsync(Func<object, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ReceiveAny(message => ActorTaskScheduler.RunTask(handler, message));
    }

    protected sealed override void OnReceive(object message)
    {
        if (!_initial.TryHandle(message))
            Unhandled(message);
    }

    private protected sealed override bool ReceiveUntyped(object message) => _initial.TryHandle(message);

    internal override void OnIncarnated()
    {
        base.OnIncarnated();
        _registering = null;
    }

    HandlerList Registering => _registering ?? throw new InvalidOperationException(
        "Handlers can be registered only in the constructor of the actor and within Become.");

    Receive Configure(Action configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var outer = _registering;
        var handlers = new HandlerList();
        _registering = handlers;
        try
        {
            configure();
        }
        finally
        {
            _registering = outer;
        }
        return handlers.TryHandle;
    }
}
