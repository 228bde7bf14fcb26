namespace Mesh.Actors.Engine.Actor;

sealed partial class ActorCell
{
    static readonly ReceiveTimeout Actor_ReceiveTimeout = Engine.Actor.ReceiveTimeout.Instance;

    ReceiveTimeoutState? _receiveTimeout;

    public TimeSpan? ReceiveTimeout => _receiveTimeout?.Duration;

    public void SetReceiveTimeout(TimeSpan? timeout)
    {
        _receiveTimeout?.Pending?.Cancel();
        _receiveTimeout = null;
        if (timeout is not { } duration || duration == Timeout.InfiniteTimeSpan)
            return;
        if (duration <= TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(timeout), timeout, "The receive timeout must be positive.");
        _receiveTimeout = new ReceiveTimeoutState(duration) { LastInfluence = Clock };
        ScheduleReceiveTimeout(_receiveTimeout, duration);
    }

    /// <summary>
    /// Pushes the deadline back. The scheduled tick stays as it is and looks at the clock when it comes: a busy actor moves no timer.
    /// </summary>
    void RearmReceiveTimeout(bool influences)
    {
        if (_receiveTimeout is not { } state || _async is { Running: > 0 })
            return;
        if (influences)
            state.LastInfluence = Clock;
        if (state.Pending is null)
            ScheduleReceiveTimeout(state, state.Duration);
    }

    bool ReceiveTimeoutIsDue(ReceiveTimeoutTick tick)
    {
        if (_receiveTimeout is not { } state || !ReferenceEquals(state.Tick, tick))
            return false;
        state.Pending = null;
        var left = state.LastInfluence + state.Duration - Clock;
        if (left <= TimeSpan.Zero)
            return true;
        ScheduleReceiveTimeout(state, left);
        return false;
    }

    void ScheduleReceiveTimeout(ReceiveTimeoutState state, TimeSpan delay)
    {
        state.Tick = new ReceiveTimeoutTick();
        state.Pending = SystemImpl.Scheduler.ScheduleTellOnceCancelable(delay, _self, state.Tick, _self);
    }

    sealed class ReceiveTimeoutState(TimeSpan duration)
    {
        public TimeSpan Duration { get; } = duration;

        public TimeSpan LastInfluence { get; set; }

        public ReceiveTimeoutTick? Tick { get; set; }

        public ICancelable? Pending { get; set; }
    }

    sealed class ReceiveTimeoutTick : Event.IDeadLetterSuppression;
}
