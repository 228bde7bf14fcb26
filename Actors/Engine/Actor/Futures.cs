namespace Mesh.Actors.Engine.Actor;

/// <summary>Asks actors for answers. The default timeout is infinite, so pass one.</summary>
public static class Futures
{
    /// <inheritdoc cref="Ask{T}(ICanTell, Func{IActorRef, object}, TimeSpan?, CancellationToken)"/>
    public static Task<object> Ask(this ICanTell self, object message, TimeSpan? timeout = null) =>
        self.Ask<object>(message, timeout, CancellationToken.None);

    /// <inheritdoc cref="Ask{T}(ICanTell, Func{IActorRef, object}, TimeSpan?, CancellationToken)"/>
    public static Task<object> Ask(this ICanTell self, object message, CancellationToken cancellationToken) =>
        self.Ask<object>(message, null, cancellationToken);

    /// <inheritdoc cref="Ask{T}(ICanTell, Func{IActorRef, object}, TimeSpan?, CancellationToken)"/>
    public static Task<object> Ask(this ICanTell self, object message, TimeSpan? timeout, CancellationToken cancellationToken) =>
        self.Ask<object>(message, timeout, cancellationToken);

    /// <inheritdoc cref="Ask{T}(ICanTell, Func{IActorRef, object}, TimeSpan?, CancellationToken)"/>
    public static Task<T> Ask<T>(this ICanTell self, object message, TimeSpan? timeout = null) =>
        self.Ask<T>(message, timeout, CancellationToken.None);

    /// <inheritdoc cref="Ask{T}(ICanTell, Func{IActorRef, object}, TimeSpan?, CancellationToken)"/>
    public static Task<T> Ask<T>(this ICanTell self, object message, CancellationToken cancellationToken) =>
        self.Ask<T>(message, null, cancellationToken);

    /// <inheritdoc cref="Ask{T}(ICanTell, Func{IActorRef, object}, TimeSpan?, CancellationToken)"/>
    public static Task<T> Ask<T>(this ICanTell self, object message, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        return Ask<T>(self, message, null, timeout, cancellationToken);
    }

    /// <summary>
    /// Sends a message from a temporary reference and returns the first answer. Faults with <see cref="AskTimeoutException"/> when none
    /// comes in time, with the cause of a <see cref="Status.Failure"/>, and with <see cref="ArgumentException"/> for an answer of another
    /// type; is cancelled with the token. Continuations run asynchronously.
    /// </summary>
    public static Task<T> Ask<T>(
        this ICanTell self, Func<IActorRef, object> messageFactory, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messageFactory);
        return Ask<T>(self, null, messageFactory, timeout, cancellationToken);
    }

    static Task<T> Ask<T>(
        ICanTell self, object? message, Func<IActorRef, object>? messageFactory, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(self);
        var system = (self as IInternalActorRef)?.System ?? ActorCell.Current?.SystemImpl
            ?? throw new ArgumentException("The actor system of the receiver cannot be told.", nameof(self));
        var future = new FutureActorRef<T>(system);
        timeout ??= system.Settings.AskTimeout;

        var bounded = timeout.Value != Timeout.InfiniteTimeSpan && timeout.Value > TimeSpan.Zero;
        if (bounded || cancellationToken.CanBeCanceled)
            future.Bound(bounded ? timeout.Value : Timeout.InfiniteTimeSpan, cancellationToken);
        self.Tell(message ?? messageFactory!(future), future);
        return future.Task;
    }
}
