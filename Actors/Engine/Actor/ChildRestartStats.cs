namespace Mesh.Actors.Engine.Actor;

/// <summary>A child and how much of its restart budget is spent. Used on the parent's turn only.</summary>
sealed class ChildRestartStats(LocalActorRef child)
{
    int _retries;
    TimeSpan? _windowStart;

    public LocalActorRef Child { get; } = child;

    /// <summary>Spends one restart and says whether it was granted.</summary>
    /// <param name="maxRetries">-1 for any number, 0 for none.</param>
    /// <param name="withinMilliseconds">Length of the window; 0 or less for the life of the child. Without retries it grants one.</param>
    /// <param name="now">Monotonic.</param>
    public bool RequestRestartPermission(int maxRetries, int withinMilliseconds, TimeSpan now)
    {
        if (maxRetries == 0)
            return false;
        if (withinMilliseconds <= 0)
            return maxRetries < 0 || ++_retries <= maxRetries;

        var allowed = maxRetries < 0 ? 1 : maxRetries;
        _windowStart ??= now;
        if (now - _windowStart.Value > TimeSpan.FromMilliseconds(withinMilliseconds))
        {
            _retries = 1;
            _windowStart = now;
            return true;
        }
        return ++_retries <= allowed;
    }
}
