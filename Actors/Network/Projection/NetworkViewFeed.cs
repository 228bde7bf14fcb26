namespace Mesh.Actors.Projection;

/// <summary>Hands out the newest projection and lets callers wait for one. Safe for concurrent use.</summary>
public sealed class NetworkViewFeed
{
    readonly Lock _gate = new();
    readonly List<Waiter> _waiters = [];
    volatile NetworkView _current = NetworkView.Empty;

    /// <summary>Gets the newest projection.</summary>
    public NetworkView Current => _current;

    /// <summary>Waits until a projection satisfies a condition; null where none did in time.</summary>
    public async Task<NetworkView?> WaitAsync(Func<NetworkView, bool> condition, TimeSpan atMost, CancellationToken cancellationToken = default)
    {
        var waiter = new Waiter(condition);
        lock (_gate)
        {
            if (condition(_current))
                return _current;
            _waiters.Add(waiter);
        }
        try
        {
            return await waiter.Completion.Task.WaitAsync(atMost, cancellationToken);
        }
        catch (TimeoutException)
        {
            return null;
        }
        finally
        {
            lock (_gate)
                _waiters.Remove(waiter);
        }
    }

    internal void Publish(NetworkView view)
    {
        List<Waiter> satisfied;
        lock (_gate)
        {
            _current = view;
            satisfied = _waiters.FindAll(waiter => waiter.Condition(view));
        }
        foreach (var waiter in satisfied)
            waiter.Completion.TrySetResult(view);
    }

    sealed record Waiter(Func<NetworkView, bool> Condition)
    {
        public TaskCompletionSource<NetworkView> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
