using System.Globalization;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Control;

/// <summary>
/// Keeps a node attached to any controller that answers, and takes in from it only what <see cref="MapTrust"/> believes. It
/// supervises nobody. When it fails it is restarted with what <see cref="INetworkMemory"/> holds, and attaches again; tunnels do
/// not notice. Nothing that was acknowledged is lost: a map is in force and kept before its acknowledgement is sent.
/// </summary>
public sealed partial class ControlLink : ReceiveActor, IWithTimers, IDisposable
{
    static readonly TimeSpan _tick = TimeSpan.FromSeconds(30);
    static readonly TimeSpan _sendTimeout = TimeSpan.FromSeconds(10);

    // A node that was taken out asks now and then whether it was a mistake.
    static readonly TimeSpan _removedPause = TimeSpan.FromSeconds(30);

    // Two machines with one identity must not take the stream from each other all the time: the one that is told waits.
    static readonly TimeSpan _copiedPause = TimeSpan.FromSeconds(30);

    static readonly TimeSpan _restartPause = TimeSpan.FromSeconds(1);

    readonly ControlLinkSetup _setup;
    readonly RetryDelay _backoff;
    readonly HintBook _hints = new();
    readonly Action _endpointsChanged;

    MapTrust _trust;
    MapBody? _inForce;
    bool _applied;

    IControlStream? _stream;
    CancellationTokenSource _streamCancel = new();
    string? _controller;
    int _attempt;
    int _failuresInRound;
    bool _heard;

    /// <summary>Creates the actor; it begins with what the memory holds.</summary>
    public ControlLink(ControlLinkSetup setup)
    {
        _setup = setup;
        _backoff = new RetryDelay(setup.Jitter);
        _trust = setup.Memory.Trust;
        var self = Self;
        _endpointsChanged = () => self.Tell(EndpointsChanged.Instance);

        ReceiveAsync<Start>(async _ =>
        {
            await EnforceAsync();
            AwaitExpiry();
            Connect();
        });
        ReceiveAsync<Tick>(async _ =>
        {
            await EnforceAsync();
            AwaitExpiry();
            RenewCertificateWhenDue();
        });
        ReceiveAsync<ControlProtocol.CheckValidity>(async _ =>
        {
            await EnforceAsync();
            AwaitExpiry();
        });
        ReceiveAsync<ControlProtocol.GetStatus>(async _ =>
        {
            var asker = Sender;
            await EnforceAsync();
            asker.Tell(CreateStatus());
        });
        Receive<Reconnect>(_ => Connect());
        ReceiveAsync<Attached>(OnAttachedAsync);
        Receive<AttachFailed>(OnAttachFailed);
        ReceiveAsync<Received>(OnReceivedAsync);
        Receive<StreamLost>(OnStreamLost);
        ReceiveAsync<HintDue>(_ => SendHintAsync(evenIfUnchanged: true));
        ReceiveAsync<EndpointsSettled>(_ => SendHintAsync(evenIfUnchanged: false));
        Receive<EndpointsChanged>(_ => Timers.StartSingleTimer(EndpointsSettled.Instance, EndpointsSettled.Instance, TimeSpan.FromMilliseconds(200)));
        Receive<CertificateRenewed>(OnCertificateRenewed);
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    WallTime Clock => WallTime.From(_setup.Time.GetUtcNow());

    /// <inheritdoc/>
    protected override void PreStart()
    {
        Prepare();
        Self.Tell(Start.Instance);
    }

    /// <inheritdoc/>
    protected override void PostRestart(Exception reason)
    {
        Prepare();
        // Whatever made it fail may be there still: no faster than this in a circle.
        Timers.StartSingleTimer(Start.Instance, Start.Instance, _restartPause);
    }

    /// <inheritdoc/>
    protected override void PostStop()
    {
        _setup.Endpoints.Changed -= _endpointsChanged;
        DropStream();
    }

    /// <inheritdoc/>
    public void Dispose() => _streamCancel.Dispose();

    void Prepare()
    {
        _setup.Endpoints.Changed += _endpointsChanged;
        Timers.StartPeriodicTimer(Tick.Instance, Tick.Instance, _tick);
    }

    PinExpectation Expectation => new(_trust.Network, _trust.Epoch, _trust.Body?.Withdrawn ?? []);

    void Connect()
    {
        DropStream();
        var addresses = Addresses;
        if (addresses.Count == 0)
        {
            NoteUnreachable(null, "neither the map nor the credential names one");
            Retry(RetryDelay.Longest);
            return;
        }
        var address = Choose(addresses);
        var attempt = ++_attempt;
        _trust = _trust with { Audit = _trust.Audit?.Attach() };
        var attach = new AttachFrame(
            _setup.Version, _setup.Os, _setup.Hostname, _trust.Epoch, _trust.Revision, _trust.Body is null ? null : MapChange.Hash(_trust.Body),
            _setup.Suites, _trust.Audit?.Held, _setup.TunnelKey());
        OpenAsync(address, attach, attempt, Expectation, AttachTimeout, _streamCancel.Token).PipeTo(Self, Self);
    }

    async Task<object> OpenAsync(string address, AttachFrame attach, int attempt, PinExpectation expected, TimeSpan atMost, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(atMost);
        try
        {
            return new Attached(attempt, address, await _setup.Transport.AttachAsync(address, attach, expected, limit.Token));
        }
        catch (OperationCanceledException)
        {
            return new AttachFailed(attempt, address, null, "no answer in time");
        }
        catch (ControlRefusedException refused)
        {
            return new AttachFailed(attempt, address, refused.Code, refused.Message);
        }
        catch (IOException failure)
        {
            return new AttachFailed(attempt, address, null, failure.Message);
        }
    }

    async Task OnAttachedAsync(Attached attached)
    {
        if (attached.Attempt != _attempt)
        {
            await attached.Stream.DisposeAsync();
            return;
        }
        _stream = attached.Stream;
        _controller = attached.Address;
        (_failuresInRound, _failedRounds, _recovered) = (0, 0, false);
        _unreachable = null;
        _came.Clear();
        _refusedBy = null;
        _lastSent = null;
        _heard = false;
        Timers.StartPeriodicTimer(HintDue.Instance, HintDue.Instance, _hintInterval);
        ReadNext();
        await SendHintAsync(evenIfUnchanged: true);
        RenewCertificateWhenDue();
    }

    void OnAttachFailed(AttachFailed failed)
    {
        if (failed.Attempt != _attempt || TryRecover(failed))
            return;
        if (failed.Code is not null)
            _refusedBy = new Refusal(failed.Address, failed.Code, failed.Reason, Clock);
        NoteUnreachable(failed.Address, failed.Reason);
        // Another controller is tried at once; only a round without success is followed by a pause.
        var pause = ++_failuresInRound < Addresses.Count ? TimeSpan.FromMilliseconds(1) : _backoff.Next();
        if (_failuresInRound >= Addresses.Count)
            (_failuresInRound, _failedRounds, _recovered) = (0, _failedRounds + 1, false);
        Retry(pause);
    }

    void OnStreamLost(StreamLost lost)
    {
        if (lost.Attempt != _attempt)
            return;
        NoteUnreachable(_controller, _closing ?? lost.Reason);
        var pause = _isToWait ? _copiedPause * (1 + _setup.Jitter.NextDouble()) : _backoff.Next();
        (_closing, _isToWait) = (null, false);
        DropStream();
        Retry(pause);
    }

    void Retry(TimeSpan pause) =>
        Timers.StartSingleTimer(Reconnect.Instance, Reconnect.Instance, _trust.Removed is null ? pause : _removedPause);

    void DropStream()
    {
        _attempt++;
        _streamCancel.Cancel();
        _streamCancel.Dispose();
        _streamCancel = new CancellationTokenSource();
        Timers.Cancel(HintDue.Instance);
        _controller = null;
        if (_stream is not { } stream)
            return;
        _stream = null;
        _ = DisposeQuietlyAsync(stream);
    }

    static async Task DisposeQuietlyAsync(IControlStream stream)
    {
        try
        {
            await stream.DisposeAsync();
        }
        catch (IOException broken)
        {
            // The stream was being thrown away because it is broken.
            _ = broken;
        }
    }

    void ReadNext() => ReadAsync(_stream!, _attempt, _streamCancel.Token).PipeTo(Self, Self);

    static async Task<object> ReadAsync(IControlStream stream, int attempt, CancellationToken cancel)
    {
        try
        {
            return await stream.ReadAsync(cancel) is { } frame ? new Received(attempt, frame) : new StreamLost(attempt, "the controller ended the stream");
        }
        catch (IOException failure)
        {
            return new StreamLost(attempt, failure.Message);
        }
        catch (OperationCanceledException)
        {
            return new StreamLost(attempt, "cancelled");
        }
    }

    async Task SendAsync(UpFrame frame)
    {
        if (_stream is not { } stream)
            return;
        var attempt = _attempt;
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_streamCancel.Token);
            limit.CancelAfter(_sendTimeout);
            await stream.SendAsync(frame, limit.Token);
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            Self.Tell(new StreamLost(attempt, failure is IOException ? failure.Message : "the controller does not read"));
        }
    }

    static string Print(WallTime time) => time.ToDateTimeOffset().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    sealed record Start
    {
        public static readonly Start Instance = new();
    }

    sealed record Tick
    {
        public static readonly Tick Instance = new();
    }

    sealed record Reconnect
    {
        public static readonly Reconnect Instance = new();
    }

    sealed record HintDue
    {
        public static readonly HintDue Instance = new();
    }

    sealed record EndpointsChanged
    {
        public static readonly EndpointsChanged Instance = new();
    }

    sealed record EndpointsSettled
    {
        public static readonly EndpointsSettled Instance = new();
    }

    sealed record Attached(int Attempt, string Address, IControlStream Stream);

    sealed record AttachFailed(int Attempt, string Address, string? Code, string Reason);

    sealed record Received(int Attempt, DownFrame Frame);

    sealed record StreamLost(int Attempt, string Reason);

    sealed record CertificateRenewed(string Address, string? Code, string? Problem);
}
