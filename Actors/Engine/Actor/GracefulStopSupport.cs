using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

/// <summary>Stops an actor and waits for its end.</summary>
public static class GracefulStopSupport
{
    /// <summary>Sends a <see cref="PoisonPill"/> and waits until the actor has stopped.</summary>
    /// <returns>True once it has, false if it has not in time.</returns>
    public static Task<bool> GracefulStop(this IActorRef target, TimeSpan timeout) => target.GracefulStop(timeout, PoisonPill.Instance);

    /// <summary>Sends <paramref name="stopMessage"/> and waits until the actor has stopped.</summary>
    public static Task<bool> GracefulStop(this IActorRef target, TimeSpan timeout, object stopMessage)
    {
        ArgumentNullException.ThrowIfNull(target);
        var internalTarget = (IInternalActorRef)target;
        if (internalTarget.IsTerminated)
            return Task.FromResult(true);
        var future = new FutureActorRef<Terminated>(internalTarget.System);
        internalTarget.SendSystemMessage(new Watch(internalTarget, future));
        target.Tell(stopMessage, ActorRefs.NoSender);
        return AwaitAsync(internalTarget, future, timeout);
    }

    static async Task<bool> AwaitAsync(IInternalActorRef target, FutureActorRef<Terminated> future, TimeSpan timeout)
    {
        try
        {
            await future.Task.WaitAsync(timeout).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            target.SendSystemMessage(new Unwatch(target, future));
            future.TrySetCanceled(CancellationToken.None);
            return false;
        }
    }
}

/// <summary>Waits for the end of an actor.</summary>
public static class WatchAsyncSupport
{
    /// <summary>Waits until the actor has stopped.</summary>
    /// <returns>True once it has, false if the token was cancelled first.</returns>
    public static async Task<bool> WatchAsync(this IActorRef target, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        var internalTarget = (IInternalActorRef)target;
        if (internalTarget.IsTerminated)
            return true;
        var future = new FutureActorRef<Terminated>(internalTarget.System);
        internalTarget.SendSystemMessage(new Watch(internalTarget, future));
        try
        {
            await future.Task.WaitAsync(token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            internalTarget.SendSystemMessage(new Unwatch(internalTarget, future));
            future.TrySetCanceled(token);
            return false;
        }
    }
}
