using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Controller.Keys;
using Mesh.Protocol.Trust;
using Microsoft.Extensions.Logging;

namespace Mesh.Controller.Hosting;

/// <summary>
/// Looks after what lets this controller speak: records the network root's delegation with its addresses, renews it where the root is at
/// hand, takes it from the journal where it was renewed elsewhere, and says when it was withdrawn. Safe for concurrent use.
/// </summary>
sealed class OwnDelegation : IAsyncDisposable
{
    static readonly TimeSpan RenewalCheck = TimeSpan.FromHours(6);

    readonly ControllerSystem _system;
    readonly ControllerKeys _keys;
    readonly StateDirectory _state;
    readonly IClock _clock;
    readonly byte[]? _passphrase;
    readonly ILogger _log;
    readonly CancellationTokenSource _stopping = new();
    readonly TaskCompletionSource<CommandException> _withdrawn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    IReadOnlyList<string> _addresses = [];
    Task _watching = Task.CompletedTask;
    Timer? _renewal;

    OwnDelegation(ControllerSystem system, ControllerKeys keys, StateDirectory state, IClock clock, byte[]? passphrase, ILogger log) =>
        (_system, _keys, _state, _clock, _passphrase, _log) = (system, keys, state, clock, passphrase, log);

    /// <summary>Gets what ends this controller: it was withdrawn.</summary>
    public Task<CommandException> Withdrawn => _withdrawn.Task;

    /// <summary>Begins, before anybody is let in: with the newest delegation that there is.</summary>
    /// <exception cref="CommandException">This controller was withdrawn (77), or is of another root (78).</exception>
    public static OwnDelegation Begin(
        ControllerSystem system, ControllerKeys keys, StateDirectory state, IClock clock, byte[]? passphrase, ILogger log)
    {
        var view = system.Queries.View;
        if (view.Network is { } network && network.RootKey != keys.RootKey)
            throw new CommandException(
                ExitCode.BadConfiguration,
                $"the keys in {state.Path} are of another network root than the journal: restore both from one backup, or join with an empty state directory");
        var delegation = new OwnDelegation(system, keys, state, clock, passphrase, log);
        if (view.Controllers.GetValueOrDefault(keys.Controller) is { } own)
        {
            if (own.Withdrawn)
                throw delegation.WasWithdrawn("start refused");
            delegation.Adopt(own.Delegation);
        }
        delegation.Renew();
        return delegation;
    }

    /// <summary>Records the delegation and where this controller is found, and looks after both from now on.</summary>
    /// <exception cref="CommandException">The network does not take it.</exception>
    public async Task ServeAsync(IReadOnlyList<string> addresses)
    {
        _addresses = addresses;
        await RecordAsync();
        _watching = WatchAsync(_stopping.Token);
        _renewal = new Timer(_ => _ = RenewAndRecordAsync(), null, RenewalCheck, RenewalCheck);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        if (_renewal is not null)
            await _renewal.DisposeAsync();
        await _watching;
        _stopping.Dispose();
    }

    async Task RecordAsync()
    {
        var outcome = await _system.DelegateAsync(
            _keys.Controller, _keys.Delegation, _keys.Authority.Certificate.RawData, _addresses, Cause.Of(Cause.System, SystemEntropy.Instance));
        if (outcome.IsDone)
            return;
        throw outcome.Refusal switch
        {
            { Code: "withdrawn" } => WasWithdrawn("start refused"),
            { Kind: RefusalKind.Unavailable } refusal => new CommandException(ExitCode.TryAgain, refusal.Message),
            var refusal => new CommandException(ExitCode.BadConfiguration, refusal.Message),
        };
    }

    void Renew()
    {
        if (!_keys.IsRenewalDue(_clock.Now))
            return;
        try
        {
            if (_keys.TryRenew(_state, _passphrase, _clock.Now))
                _log.DelegationRenewed(_keys.DelegationStatement.NotAfter.ToString());
            else
                _log.DelegationEnds(_keys.DelegationStatement.NotAfter.ToString());
        }
        catch (CommandException e)
        {
            _log.RenewalFailed(e.Message);
        }
    }

    async Task RenewAndRecordAsync()
    {
        var before = _keys.Delegation;
        Renew();
        if (ReferenceEquals(before, _keys.Delegation))
            return;
        try
        {
            await RecordAsync();
        }
        catch (CommandException e)
        {
            // The next start records it.
            _log.RenewalFailed(e.Message);
        }
    }

    async Task WatchAsync(CancellationToken cancellationToken)
    {
        var seen = _system.Queries.View.Controllers.GetValueOrDefault(_keys.Controller)?.Delegation;
        try
        {
            while (true)
            {
                var view = await _system.WhenAsync(
                    view => view.Controllers.GetValueOrDefault(_keys.Controller) is { } one && (one.Withdrawn || !ReferenceEquals(one.Delegation, seen)),
                    cancellationToken);
                var own = view.Controllers[_keys.Controller];
                if (own.Withdrawn)
                {
                    _withdrawn.TrySetResult(WasWithdrawn("stopped"));
                    return;
                }
                seen = own.Delegation;
                Adopt(seen);
            }
        }
        catch (OperationCanceledException)
        {
            // That is how it ends.
        }
    }

    void Adopt(DsseEnvelope delegation)
    {
        try
        {
            if (_keys.TryAdopt(_state, delegation, _clock.Now))
                _log.DelegationRenewed(_keys.DelegationStatement.NotAfter.ToString());
        }
        catch (CommandException e)
        {
            // It could not be kept: the next start takes it from the journal.
            _log.RenewalFailed(e.Message);
        }
    }

    CommandException WasWithdrawn(string what) => new(
        ExitCode.Refused,
        $"{what}: controller {_keys.Controller} was withdrawn for ever, and nobody believes it: to have a controller here, join with an empty state directory ('mesh-controller cluster join')");
}
