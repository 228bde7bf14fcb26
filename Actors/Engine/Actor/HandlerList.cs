namespace Mesh.Actors.Engine.Actor;

/// <summary>Handlers by message type, tried in order of registration.</summary>
sealed class HandlerList
{
    MessageHandler[] _handlers = [];
    int _count;

    /// <exception cref="InvalidOperationException">A handler that takes everything is there already.</exception>
    public void Add(MessageHandler handler)
    {
        if (_count > 0 && _handlers[_count - 1].TakesEverything)
        {
            throw new InvalidOperationException(
                "A handler that takes every message has been registered; no handler after it could be reached.");
        }
        if (_count == _handlers.Length)
            Array.Resize(ref _handlers, Math.Max(4, _count * 2));
        _handlers[_count++] = handler;
    }

    public bool TryHandle(object message)
    {
        for (var index = 0; index < _count; index++)
        {
            if (_handlers[index].TryHandle(message))
                return true;
        }
        return false;
    }
}

abstract class MessageHandler
{
    public virtual bool TakesEverything => false;

    public abstract bool TryHandle(object message);
}

sealed class ActionHandler<T> : MessageHandler
{
    readonly Action<T> _handler;
    readonly Predicate<T>? _shouldHandle;

    public ActionHandler(Action<T> handler, Predicate<T>? shouldHandle)
    {
        ArgumentNullException.ThrowIfNull(handler);
        _handler = handler;
        _shouldHandle = shouldHandle;
    }

    public override bool TakesEverything => typeof(T) == typeof(object) && _shouldHandle is null;

    public override bool TryHandle(object message)
    {
        if (message is not T typed || (_shouldHandle is not null && !_shouldHandle(typed)))
            return false;
        _handler(typed);
        return true;
    }
}

sealed class FuncHandler<T> : MessageHandler
{
    readonly Func<T, bool> _handler;

    public FuncHandler(Func<T, bool> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        _handler = handler;
    }

    public override bool TryHandle(object message) => message is T typed && _handler(typed);
}

sealed class TypeHandler : MessageHandler
{
    readonly Type _type;
    readonly Action<object> _handler;
    readonly Predicate<object>? _shouldHandle;

    public TypeHandler(Type type, Action<object> handler, Predicate<object>? shouldHandle)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(handler);
        _type = type;
        _handler = handler;
        _shouldHandle = shouldHandle;
    }

    public override bool TakesEverything => _type == typeof(object) && _shouldHandle is null;

    public override bool TryHandle(object message)
    {
        if (!_type.IsInstanceOfType(message) || (_shouldHandle is not null && !_shouldHandle(message)))
            return false;
        _handler(message);
        return true;
    }
}

sealed class TypeFuncHandler : MessageHandler
{
    readonly Type _type;
    readonly Func<object, bool> _handler;

    public TypeFuncHandler(Type type, Func<object, bool> handler)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(handler);
        _type = type;
        _handler = handler;
    }

    public override bool TryHandle(object message) => _type.IsInstanceOfType(message) && _handler(message);
}
