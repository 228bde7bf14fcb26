using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>
/// A persistent actor with a handler for each type of command and of event. The first handler that matches in order of registration
/// wins. Handlers are registered in the constructor; those for commands also within <c>Become</c>.
/// </summary>
public abstract class ReceivePersistentActor : UntypedPersistentActor
{
    private readonly HandlerList _commands = new();
    private readonly HandlerList _recovers = new();
    private HandlerList? _registering;
    private bool _isConstructed;

    /// <summary>Made by the engine only.</summary>
    protected ReceivePersistentActor() => _registering = _commands;

    /// <summary>Replaces the handlers of commands by those that <paramref name="configure"/> registers.</summary>
    protected void Become(Action configure) => base.Become(Configure(configure));

    /// <summary>Pushes handlers of commands.</summary>
    protected void BecomeStacked(Action configure) => base.BecomeStacked(Configure(configure));

    /// <summary>Handles replayed events of a type, or <see cref="SnapshotOffer"/>, or <see cref="RecoveryCompleted"/>.</summary>
    /// <exception cref="InvalidOperationException">Not in the constructor, or after a handler that takes everything.</exception>
    protected void Recover<T>(Action<T> handler, Predicate<T>? shouldHandle = null) => Recovers.Add(new ActionHandler<T>(handler, shouldHandle));

    /// <inheritdoc cref="Recover{T}(Action{T}, Predicate{T})"/>
    protected void Recover<T>(Predicate<T> shouldHandle, Action<T> handler) => Recover(handler, shouldHandle);

    /// <inheritdoc cref="Recover{T}(Action{T}, Predicate{T})"/>
    protected void Recover(Type messageType, Action<object> handler, Predicate<object>? shouldHandle = null) =>
        Recovers.Add(new TypeHandler(messageType, handler, shouldHandle));

    /// <inheritdoc cref="Recover{T}(Action{T}, Predicate{T})"/>
    protected void Recover(Type messageType, Predicate<object> shouldHandle, Action<object> handler) => Recover(messageType, handler, shouldHandle);

    /// <summary>Handles what is replayed if <paramref name="handler"/> returns true.</summary>
    protected void Recover<T>(Func<T, bool> handler) => Recovers.Add(new FuncHandler<T>(handler));

    /// <inheritdoc cref="Recover{T}(Func{T, bool})"/>
    protected void Recover(Type messageType, Func<object, bool> handler) => Recovers.Add(new TypeFuncHandler(messageType, handler));

    /// <summary>Handles everything that is replayed; no handler may follow.</summary>
    protected void RecoverAny(Action<object> handler) => Recovers.Add(new ActionHandler<object>(handler, null));

    /// <summary>Handles commands of a type.</summary>
    /// <exception cref="InvalidOperationException">Not in the constructor or <c>Become</c>, or after a handler that takes everything.</exception>
    protected void Command<T>(Action<T> handler, Predicate<T>? shouldHandle = null) => Registering.Add(new ActionHandler<T>(handler, shouldHandle));

    /// <inheritdoc cref="Command{T}(Action{T}, Predicate{T})"/>
    protected void Command<T>(Predicate<T> shouldHandle, Action<T> handler) => Command(handler, shouldHandle);

    /// <inheritdoc cref="Command{T}(Action{T}, Predicate{T})"/>
    protected void Command(Type messageType, Action<object> handler, Predicate<object>? shouldHandle = null) =>
        Registering.Add(new TypeHandler(messageType, handler, shouldHandle));

    /// <inheritdoc cref="Command{T}(Action{T}, Predicate{T})"/>
    protected void Command(Type messageType, Predicate<object> shouldHandle, Action<object> handler) => Command(messageType, handler, shouldHandle);

    /// <summary>Handles commands of a type if <paramref name="handler"/> returns true.</summary>
    protected void Command<T>(Func<T, bool> handler) => Registering.Add(new FuncHandler<T>(handler));

    /// <inheritdoc cref="Command{T}(Func{T, bool})"/>
    protected void Command(Type messageType, Func<object, bool> handler) => Registering.Add(new TypeFuncHandler(messageType, handler));

    /// <summary>Handles every command; no handler may follow.</summary>
    protected void Command(Action<object> handler) => CommandAny(handler);

    /// <summary>Handles every command; no handler may follow.</summary>
    protected void CommandAny(Action<object> handler) => Registering.Add(new ActionHandler<object>(handler, null));

    /// <summary>Handles commands of a type; nothing else is handled before the task ends.</summary>
    protected void CommandAsync<T>(Func<T, Task> handler, Predicate<T>? shouldHandle = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Command<T>(message => RunTask(() => handler(message)), shouldHandle);
    }

    /// <inheritdoc cref="CommandAsync{T}(Func{T, Task}, Predicate{T})"/>
    protected void CommandAsync<T>(Predicate<T> shouldHandle, Func<T, Task> handler) => CommandAsync(handler, shouldHandle);

    /// <inheritdoc cref="CommandAsync{T}(Func{T, Task}, Predicate{T})"/>
    protected void CommandAsync(Type messageType, Func<object, Task> handler, Predicate<object>? shouldHandle = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Command(messageType, message => RunTask(() => handler(message)), shouldHandle);
    }

    /// <inheritdoc cref="CommandAsync{T}(Func{T, Task}, Predicate{T})"/>
    protected void CommandAsync(Type messageType, Predicate<object> shouldHandle, Func<object, Task> handler) =>
        CommandAsync(messageType, handler, shouldHandle);

    /// <summary>Handles every command; nothing else is handled before the task ends. No handler may follow.</summary>
    protected void CommandAnyAsync(Func<object, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        CommandAny(message => RunTask(() => handler(message)));
    }

    /// <inheritdoc/>
    protected sealed override void OnCommand(object message)
    {
        if (!_commands.TryHandle(message))
            Unhandled(message);
    }

    /// <inheritdoc/>
    protected sealed override void OnRecover(object message)
    {
        if (!_recovers.TryHandle(message))
            Unhandled(message);
    }

    private protected sealed override bool CommandUntyped(object message) => _commands.TryHandle(message);

    private protected sealed override bool RecoverUntyped(object message) => _recovers.TryHandle(message);

    internal override void OnIncarnated()
    {
        base.OnIncarnated();
        _registering = null;
        _isConstructed = true;
    }

    private HandlerList Registering => _registering ?? throw new InvalidOperationException(
        "Handlers of commands can be registered only in the constructor of the actor and within Become.");

    private HandlerList Recovers => _isConstructed
        ? throw new InvalidOperationException("Handlers of what is recovered can be registered only in the constructor of the actor.")
        : _recovers;

    private Receive Configure(Action configure)
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
