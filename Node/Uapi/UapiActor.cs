using Mesh.Actors.Device;

namespace Mesh.Node.Uapi;

/// <summary>
/// Runs a <see cref="UapiDriver"/> (<c>wireguard</c>): one thing at a time, and looks at the device now and then. It supervises nothing. When it fails it
/// is restarted and goes on with the driver, which knows what was set; lost is a message that was being handled.
/// </summary>
sealed class UapiActor : ReceiveActor, IWithTimers
{
    readonly UapiSeat _seat;
    readonly ILoggingAdapter _log = Context.GetLogger();
    string? _problem;

    /// <summary>Takes what outlives the actor.</summary>
    public UapiActor(UapiSeat seat)
    {
        _seat = seat;
        ReceiveAsync<Open>(_ => AnswerAsync(async () =>
        {
            await _seat.Driver.OpenAsync();
            await _seat.Driver.ApplyAsync(_seat.Wanted.State);
            LookIn(UapiDriver.TrialInterval);
        }));
        ReceiveAsync<Apply>(_ => AnswerAsync(async () =>
        {
            await _seat.Driver.ApplyAsync(_seat.Wanted.State);
            LookIn(UapiDriver.TrialInterval);
        }));
        ReceiveAsync<Look>(_ => LookAsync());
        ReceiveAsync<Close>(_ => AnswerAsync(async () =>
        {
            Timers.CancelAll();
            if (await _seat.Driver.CloseAsync() is { } problem)
                _log.Warning("not everything could be taken back: {0}", problem);
        }));
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>Finds the device and makes it what is wanted; answered with <see cref="Done"/>.</summary>
    public sealed record Open
    {
        /// <summary>The one instance.</summary>
        public static readonly Open Instance = new();
    }

    /// <summary>Makes the device what is wanted; answered with <see cref="Done"/>.</summary>
    public sealed record Apply
    {
        /// <summary>The one instance.</summary>
        public static readonly Apply Instance = new();
    }

    /// <summary>Takes back what was set; answered with <see cref="Done"/>.</summary>
    public sealed record Close
    {
        /// <summary>The one instance.</summary>
        public static readonly Close Instance = new();
    }

    /// <summary>What came of a request: null, or why not.</summary>
    public sealed record Done(IOException? Error);

    sealed record Look
    {
        public static readonly Look Instance = new();
    }

    /// <inheritdoc/>
    protected override void PostRestart(Exception reason)
    {
        base.PostRestart(reason);
        LookIn(UapiDriver.Interval);
    }

    async Task AnswerAsync(Func<Task> work)
    {
        var sender = Sender;
        try
        {
            await work();
            sender.Tell(new Done(null));
        }
        catch (IOException failure)
        {
            sender.Tell(new Done(failure));
        }
    }

    async Task LookAsync()
    {
        var next = UapiDriver.Interval;
        try
        {
            (var repaired, next) = await _seat.Driver.LookAsync(_seat.Wanted.State);
            if (repaired is not null)
                _log.Warning("{0}", repaired);
            _problem = null;
        }
        catch (IOException failure)
        {
            // What lasts is said once.
            if (failure.Message != _problem)
                _log.Error("{0}; looking again every {1} s", failure.Message, next.TotalSeconds);
            _problem = failure.Message;
        }

        LookIn(next);
    }

    void LookIn(TimeSpan delay) => Timers.StartSingleTimer(nameof(Look), Look.Instance, delay);
}

/// <summary>What a <see cref="UapiActor"/> works on and what outlives it.</summary>
/// <param name="Driver">Does the work.</param>
/// <param name="Wanted">What is to be made.</param>
sealed record UapiSeat(UapiDriver Driver, WantedState Wanted);
