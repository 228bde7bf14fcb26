using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Control;

/// <summary>
/// Changes the node's tunnel key by plan (<c>rotation</c>), when it is asked to and, where an interval is configured, by itself: the next key
/// is kept and answered under before a controller is told, and becomes the node's own once the controller has it. What is cut short goes on
/// from what <see cref="INodeKeys"/> holds, in this process or the next, until a controller has said which of the two keys counts. It
/// supervises nobody; when it fails it is restarted and goes on from there. Lost is the answer to whoever asked.
/// </summary>
public sealed class KeyRotation : ReceiveActor, IWithTimers
{
    /// <summary>
    /// How long peers are still answered under the former key: those that are cut off from every controller know no other one. Then it is
    /// zeroed; a restart of the node forgets it at once.
    /// </summary>
    public static readonly TimeSpan FormerKeyLife = TimeSpan.FromHours(1);

    static readonly TimeSpan _look = TimeSpan.FromMinutes(1);
    static readonly TimeSpan _askTimeout = TimeSpan.FromSeconds(5);
    static readonly TimeSpan _exchangeTimeout = TimeSpan.FromSeconds(10);
    static readonly TimeSpan _firstRetry = TimeSpan.FromSeconds(1);
    static readonly TimeSpan _longestRetry = TimeSpan.FromSeconds(30);

    // Machines that joined together do not all rotate together: each does so within the last tenth of the interval.
    const double Spread = 0.1;

    readonly KeyRotationSetup _setup;
    readonly double _early;
    TimeSpan _retry = _firstRetry;

    /// <summary>Takes what it works with.</summary>
    public KeyRotation(KeyRotationSetup setup)
    {
        _setup = setup;
        _early = setup.Jitter.NextDouble() * Spread;
        ReceiveAsync<Rotate>(async _ =>
        {
            var asker = Sender;
            asker.Tell(await RotateAsync());
        });
        ReceiveAsync<Look>(_ => IsDue ? RotateAsync() : Task.CompletedTask);
        ReceiveAsync<Settle>(_ => _setup.Keys.Next is null ? Task.CompletedTask : RotateAsync());
        ReceiveAsync<ForgetFormer>(_ => _setup.Keys.ForgetFormerAsync());
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    WallTime Clock => WallTime.From(_setup.Time.GetUtcNow());

    bool IsDue => _setup.Interval is { } interval && Clock - _setup.Keys.Since >= interval * (1 - _early);

    /// <inheritdoc/>
    protected override void PreStart() => Prepare();

    /// <inheritdoc/>
    protected override void PostRestart(Exception reason) => Prepare();

    void Prepare()
    {
        if (_setup.Interval is not null)
            Timers.StartPeriodicTimer(nameof(Look), Look.Instance, _look);
        if (_setup.Keys.Next is not null)
            Timers.StartSingleTimer(nameof(Settle), Settle.Instance, _firstRetry);
        if (_setup.Keys.HasFormer)
            Timers.StartSingleTimer(nameof(ForgetFormer), ForgetFormer.Instance, FormerKeyLife);
    }

    // Begins, or goes on with what was begun.
    async Task<RotationOutcome> RotateAsync()
    {
        var outcome = await ExchangeAsync();
        if (outcome is RotationOutcome.Rotated or RotationOutcome.Refused)
            _retry = _firstRetry;
        if (_setup.Keys.Next is null)
            return outcome;
        // Nobody is troubled while there is nobody: peers wait for this from the moment on that a controller is back.
        if (outcome is RotationOutcome.Detached)
            _retry = _firstRetry;
        Timers.StartSingleTimer(nameof(Settle), Settle.Instance, _retry);
        _retry = _retry * 2 < _longestRetry ? _retry * 2 : _longestRetry;
        return outcome;
    }

    async Task<RotationOutcome> ExchangeAsync()
    {
        var keys = _setup.Keys;
        try
        {
            // Before the stream's first map the controller may still be about to hear which key this node had when it attached.
            if (await _setup.Control.Ask<ControlStatus>(ControlProtocol.GetStatus.Instance, _askTimeout, _setup.Stopping)
                is not { Controller: { } address, IsHeard: true, Trust: var trust })
                return new RotationOutcome.Detached();
            if (keys.Next is null)
                await keys.PrepareAsync();
            var (former, next) = (keys.Current, keys.Next!.Value);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_setup.Stopping);
            limit.CancelAfter(_exchangeTimeout);
            await _setup.Transport.RotateKeyAsync(
                address, new KeyRotationRequest(former, next), new PinExpectation(trust.Network, trust.Epoch, trust.Body?.Withdrawn ?? []), limit.Token);
            await keys.SwitchAsync(Clock);
            Timers.StartSingleTimer(nameof(ForgetFormer), ForgetFormer.Instance, FormerKeyLife);
            return new RotationOutcome.Rotated(former, next);
        }
        catch (ControlRefusedException refused) when (IsFinal(refused.Code))
        {
            await keys.AbandonAsync();
            return new RotationOutcome.Refused(refused.Code, refused.Message);
        }
        catch (ControlRefusedException refused)
        {
            return new RotationOutcome.Open(refused.Message);
        }
        catch (AskTimeoutException)
        {
            return new RotationOutcome.Detached();
        }
        catch (OperationCanceledException)
        {
            return new RotationOutcome.Open("no answer in time");
        }
        catch (IOException failure)
        {
            return keys.Next is null ? new RotationOutcome.Failed(failure.Message) : new RotationOutcome.Open(failure.Message);
        }
    }

    // The others say that nothing was decided: on a certificate, or on a controller that cannot decide now.
    static bool IsFinal(string code) => code is not (
        RefusalCodes.Unavailable or RefusalCodes.CertificateNeeded or RefusalCodes.CertificateUnknown or RefusalCodes.CertificateExpired);

    /// <summary>Asks for another key; answered with a <see cref="RotationOutcome"/>.</summary>
    public sealed record Rotate
    {
        /// <summary>Gets the one there is.</summary>
        public static Rotate Instance { get; } = new();
    }

    sealed record Look
    {
        public static readonly Look Instance = new();
    }

    sealed record Settle
    {
        public static readonly Settle Instance = new();
    }

    sealed record ForgetFormer
    {
        public static readonly ForgetFormer Instance = new();
    }
}

/// <summary>Is what a <see cref="KeyRotation"/> works with. Immutable.</summary>
public sealed record KeyRotationSetup
{
    /// <summary>Gets the node's keys.</summary>
    public required INodeKeys Keys { get; init; }

    /// <summary>Gets the way to controllers.</summary>
    public required IControlTransport Transport { get; init; }

    /// <summary>Gets the <see cref="ControlLink"/>, which knows where the node is attached.</summary>
    public required IActorRef Control { get; init; }

    /// <summary>Gets how old a key becomes before it is changed by itself; null: any age.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>Gets the wall clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Gets the source of jitter.</summary>
    public Random Jitter { get; init; } = Random.Shared;

    /// <summary>Gets what ends a wait for a controller when the node stops.</summary>
    public CancellationToken Stopping { get; init; }
}

/// <summary>Says what became of a rotation.</summary>
public abstract record RotationOutcome
{
    RotationOutcome() { }

    /// <summary>The node has another key.</summary>
    public sealed record Rotated(TunnelPublicKey Former, TunnelPublicKey Key) : RotationOutcome;

    /// <summary>No controller is attached; nothing was begun.</summary>
    public sealed record Detached : RotationOutcome;

    /// <summary>A controller refuses; everything is as it was.</summary>
    public sealed record Refused(string Code, string Reason) : RotationOutcome;

    /// <summary>It is not known whether the controller took the key: the node finds out by itself.</summary>
    public sealed record Open(string Reason) : RotationOutcome;

    /// <summary>This machine could not keep the next key; everything is as it was.</summary>
    public sealed record Failed(string Reason) : RotationOutcome;
}

/// <summary>
/// Holds the node's tunnel keys, on the disk and in the tunnel. Changes are made by one actor; what is read may be read by any. Nothing that was
/// done is lost by a crash at any point: what it leaves behind is read again as one of the states between two changes.
/// </summary>
public interface INodeKeys
{
    /// <summary>Gets the key that the node starts handshakes with.</summary>
    TunnelPublicKey Current { get; }

    /// <summary>Gets since when, or since when that is known.</summary>
    WallTime Since { get; }

    /// <summary>Gets the key that is to be the next one, and that is answered under already; null: none.</summary>
    TunnelPublicKey? Next { get; }

    /// <summary>Gets whether the former key is answered under.</summary>
    bool HasFormer { get; }

    /// <summary>Draws the next key, keeps it, and has the tunnel answer under it.</summary>
    /// <exception cref="IOException">The disk did not take it: there is no next key.</exception>
    Task PrepareAsync();

    /// <summary>Makes the next key the node's own and has the tunnel answer under the former one; sessions go on.</summary>
    /// <exception cref="IOException">The disk did not take it: the next key still is the next.</exception>
    Task SwitchAsync(WallTime now);

    /// <summary>Zeroes and forgets the next key.</summary>
    Task AbandonAsync();

    /// <summary>Zeroes and forgets the former key.</summary>
    Task ForgetFormerAsync();
}
