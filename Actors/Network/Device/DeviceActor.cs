namespace Mesh.Actors.Device;

/// <summary>
/// Owns the open device (<c>device</c>): its descriptors and packet threads. It supervises no actors. When opening or a packet thread fails,
/// the device is closed and opened again, after a growing pause; sessions are in the tables and survive. Lost are packets in between. A device
/// that is somebody else's to manage is not opened again: whoever listens is told <see cref="Lost"/>.
/// </summary>
public sealed class DeviceActor : ReceiveActor, IWithTimers
{
    static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), LongestPause = TimeSpan.FromSeconds(30);

    readonly TunnelContext _tunnel;
    readonly IActorRef _listener;
    readonly ILoggingAdapter _log = Context.GetLogger();
    ITunnelDevice? _device;
    TimeSpan _pause = FirstPause;

    /// <summary>Takes the tables that the device is opened on, and who is told <see cref="Opened"/> and <see cref="OpenFailed"/>.</summary>
    public DeviceActor(TunnelContext tunnel, IActorRef listener)
    {
        (_tunnel, _listener) = (tunnel, listener);
        Receive<Open>(_ => HandleOpen());
        Receive<Configure>(_ => HandleConfigure());
        Receive<Failed>(failed => failed.Device == _device, failed => HandleFailed(failed.Cause));
        Receive<Failed>(_ => { });
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>Makes addresses and routes of the interface what is wanted; answered with <see cref="Configured"/>.</summary>
    public sealed record Configure
    {
        /// <summary>The one instance.</summary>
        public static readonly Configure Instance = new();
    }

    /// <summary>What came of <see cref="Configure"/>: null, or why not.</summary>
    public sealed record Configured(IOException? Error);

    /// <summary>The device is open.</summary>
    public sealed record Opened(TunnelDeviceInfo Info);

    /// <summary>The device could not be opened; it will be tried again.</summary>
    public sealed record OpenFailed(string Error);

    /// <summary>The device failed and is not opened again.</summary>
    public sealed record Lost(Exception Cause);

    sealed record Open
    {
        public static readonly Open Instance = new();
    }

    sealed record Failed(ITunnelDevice Device, Exception Cause);

    /// <inheritdoc/>
    protected override void PreStart() => Self.Tell(Open.Instance);

    /// <inheritdoc/>
    protected override void PostStop() => Close();

    void HandleOpen()
    {
        if (_device is not null)
            return;
        try
        {
            var device = _tunnel.Plane.Open(_tunnel.Wanted.State);
            _device = _tunnel.Device = device;
            device.Failure.PipeTo(Self, failure: cause => new Failed(device, cause));
            device.Configure(_tunnel.Wanted.State);
            _pause = FirstPause;
            _listener.Tell(new Opened(device.Info));
        }
        catch (IOException e)
        {
            _log.Error("device: {0}; trying again in {1} s", e.Message, _pause.TotalSeconds);
            _listener.Tell(new OpenFailed(e.Message));
            Reopen();
        }
    }

    void HandleConfigure()
    {
        IOException? error = null;
        try
        {
            _device?.Configure(_tunnel.Wanted.State);
        }
        catch (IOException e)
        {
            error = e;
            _log.Error("device: {0}", e.Message);
        }

        Sender.Tell(new Configured(error));
    }

    void HandleFailed(Exception cause)
    {
        if (!_tunnel.ReopenDevice)
        {
            Close();
            _listener.Tell(new Lost(cause.GetBaseException()));
            return;
        }

        _log.Error("device: {0}; opening it again in {1} s", cause.GetBaseException().Message, _pause.TotalSeconds);
        Reopen();
    }

    void Reopen()
    {
        Close();
        Timers.StartSingleTimer(nameof(Open), Open.Instance, _pause);
        _pause = TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, LongestPause.Ticks));
    }

    void Close()
    {
        var device = _device;
        _device = _tunnel.Device = null;
        device?.Dispose();
    }
}
