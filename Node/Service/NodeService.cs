using Mesh.Actors.Control;
using Mesh.Actors.Device;
using Mesh.Node.Configuration;
using Mesh.Node.Control;
using Mesh.Node.Enrollment;
using Mesh.Node.Local;
using Mesh.Node.Names;
using Mesh.Node.State;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Service;

/// <summary>
/// Does what the local API asks: one change at a time, status whenever. It owns the <see cref="Member"/> while the node is up.
/// Safe for concurrent use.
/// </summary>
/// <param name="settings">What the daemon was told.</param>
/// <param name="state">The state directory.</param>
/// <param name="openTunnel">Opens the tunnel with the node's key.</param>
/// <param name="time">The wall clock.</param>
/// <param name="log">Says what happens.</param>
sealed class NodeService(
    DaemonSettings settings, StateDirectory state, TunnelFactory openTunnel, TimeProvider time, ILogger log) : ILocalCommands, IAsyncDisposable
{
    static readonly TimeSpan _logoutTimeout = TimeSpan.FromSeconds(5);
    static readonly TimeSpan _rotationTimeout = TimeSpan.FromSeconds(20);

    readonly SemaphoreSlim _change = new(1, 1);
    NetworkRecord? _record;
    MapTrust? _trust;
    volatile Member? _member;
    volatile bool _starting;
    volatile string? _problem;

    MapTrust? Believed => _member is INetworkMemory member ? member.Trust : _trust;

    /// <summary>Reads what the state directory holds; nothing is started yet.</summary>
    /// <exception cref="MeshFailureException">A file is damaged or open to others.</exception>
    public void Load()
    {
        _record = state.ReadNetwork();
        _trust = _record is null ? null : state.ReadMap() ?? new MapTrust { Network = _record.Network, Node = _record.Node, Root = _record.Root };
        if (state.Identity.Exists)
            state.Identity.Read().Dispose();
        else if (_record is not null)
            throw new MeshFailureException(ExitCodes.BadConfiguration,
                $"this machine is enrolled, but its keys are gone from {settings.StateDirectory}: restore identity.json, or remove network.json and enroll again with mesh up --auth-key");
    }

    /// <summary>Brings the node up where it was up when the daemon stopped.</summary>
    /// <exception cref="MeshFailureException">The tunnel cannot be started.</exception>
    public async Task ResumeAsync()
    {
        await _change.WaitAsync();
        try
        {
            if (_record is { Down: false })
                await StartAsync();
        }
        finally
        {
            _change.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<UpReply> UpAsync(UpRequest request, CancellationToken cancel)
    {
        CredentialString? credential = null;
        if (request.Credential is not null && !CredentialString.TryParse(request.Credential, out credential))
            throw new MeshFailureException(ExitCodes.Usage, "this is not a credential");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(Math.Clamp(request.TimeoutSeconds, 1, 600)));
        await WaitForTurnAsync(limit.Token);
        try
        {
            var enrolled = false;
            if (_record is null)
            {
                if (credential is null)
                    throw new MeshFailureException(ExitCodes.Failed, "this machine belongs to no network: mesh up --auth-key with a credential (mesh-controller credential create)");
                await EnrollAsync(credential, request.Hostname, limit.Token);
                enrolled = true;
            }
            else if (credential is not null && credential.RootHash != Protocol.Crypto.Sha256.Hash(_record.Root.Value.Span))
            {
                throw new MeshFailureException(ExitCodes.Refused, $"this machine belongs to network {_record.Network}, the credential is for another: mesh logout first");
            }
            else if (Believed?.Removed is { } removed)
            {
                throw new MeshFailureException(ExitCodes.Refused, $"this machine was taken out of the network ({removed}) and its keys with it: mesh logout, then mesh up --auth-key with a new credential");
            }
            else if (credential is not null && (request.ForceReauth || Believed?.Body?.Self.Expired == true))
            {
                await JoinAgainAsync(credential, request.Hostname, limit.Token);
                enrolled = true;
            }
            if (_member is null)
            {
                if (_record!.Down)
                    Keep(_record with { Down = false });
                await StartAsync();
            }
            await _member!.FirstApply.WaitAsync(limit.Token);
            var self = Believed?.Body?.Self;
            return new UpReply(
                self?.Name ?? _record!.Name, _record!.Network.ToString(), self?.Addresses ?? [], enrolled, self?.Waits == true, self?.Expired == true);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new MeshFailureException(ExitCodes.TryAgain, "not done in time: mesh status says how far it came; --timeout gives it longer");
        }
        catch (IOException failure)
        {
            throw new MeshFailureException(ExitCodes.Failed, $"the tunnel could not be started: {failure.Message}", failure);
        }
        finally
        {
            _change.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<DoneReply> DownAsync(CancellationToken cancel)
    {
        await WaitForTurnAsync(cancel);
        try
        {
            if (_record is null)
                throw new MeshFailureException(ExitCodes.Failed, "this machine belongs to no network: there is nothing to take down");
            if (_record.Down && _member is null)
                return new DoneReply("the tunnel is down already");
            Keep((_member?.Record ?? _record) with { Down = true });
            await StopAsync();
            return new DoneReply("the tunnel is down; mesh up brings it back");
        }
        finally
        {
            _change.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<DoneReply> LogoutAsync(CancellationToken cancel)
    {
        await WaitForTurnAsync(cancel);
        try
        {
            if (_record is not { } record)
            {
                // Keys of an attempt that did not come to pass may lie there.
                state.Clear();
                return new DoneReply("this machine belongs to no network");
            }
            var problem = await TellLogoutAsync(record, Believed, cancel);
            await StopAsync();
            state.Clear();
            (_record, _trust, _problem) = (null, null, null);
            log.LoggedOut(record.Network.ToString());
            if (problem is null)
                return new DoneReply($"left network {record.Network}");
            log.LogoutNotTold(problem);
            return new DoneReply($"left network {record.Network}; no controller was told ({problem}): an admin removes the node with mesh-controller node revoke {record.Name}");
        }
        finally
        {
            _change.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<RotationReply> RotateKeysAsync(CancellationToken cancel)
    {
        await WaitForTurnAsync(cancel);
        try
        {
            if (_record is null)
                throw new MeshFailureException(ExitCodes.Failed, "this machine belongs to no network: it has no key to rotate");
            if (_member is not { } member)
                throw new MeshFailureException(ExitCodes.Failed, "the tunnel is down: mesh up, then mesh rotate-keys");
            return await member.RotateKeyAsync(_rotationTimeout, cancel) switch
            {
                RotationOutcome.Rotated rotated => new RotationReply(
                    rotated.Former.ToString(), rotated.Key.ToString(), member.Tunnel.Report().Capabilities.HasFlag(TunnelCapabilities.KeyRotation)),
                RotationOutcome.Refused refused => throw new MeshFailureException(
                    ExitCodes.Refused, $"the controller refuses ({refused.Code}): {refused.Reason}; the key is the same as before"),
                RotationOutcome.Open open => throw new MeshFailureException(
                    ExitCodes.TryAgain, $"the rotation is not finished ({open.Reason}): the node goes on with it by itself, mesh status shows its key"),
                RotationOutcome.Failed failed => throw new MeshFailureException(ExitCodes.Failed, $"{failed.Reason}; the key is the same as before"),
                _ => throw new MeshFailureException(
                    ExitCodes.Unreachable, "no controller is attached, so peers cannot be told: nothing was changed; mesh status says why"),
            };
        }
        catch (AskTimeoutException silent)
        {
            throw new MeshFailureException(ExitCodes.TryAgain, "the rotation is not finished: the node goes on with it by itself, mesh status shows its key", silent);
        }
        finally
        {
            _change.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<StatusDocument> StatusAsync(CancellationToken cancel)
    {
        var member = _member;
        var control = member is null ? null : await member.StatusAsync(cancel);
        return StatusReport.Create(new StatusFacts(
            settings, state.Identity.Source, _starting, member?.Record ?? _record, control?.Trust ?? _trust, control, member?.Tunnel, member?.PublicKey,
            [.. new[] { _problem, member?.HostsProblem }.OfType<string>()], time.GetUtcNow()));
    }

    /// <inheritdoc/>
    public async Task<DeviceDocument> DeviceAsync(CancellationToken cancel)
    {
        var member = _member ?? throw new MeshFailureException(ExitCodes.Failed, "there is no device: mesh status says why");
        var trust = (await member.StatusAsync(cancel)).Trust ?? _trust;
        var names = (trust?.Body?.Peers ?? []).ToDictionary(peer => peer.TunnelKey, peer => peer.Name);
        return DeviceReport.Create(member.Tunnel.Interface, member.Tunnel.Report(), names, time.GetUtcNow());
    }

    /// <inheritdoc/>
    public Task<ActorReport> ActorsAsync(CancellationToken cancel) => Task.FromResult(
        (_member ?? throw new MeshFailureException(ExitCodes.Failed, "there are no actors: mesh status says why")).Tunnel.Actors());

    /// <summary>Takes the node down; it stays a member and comes up with the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await _change.WaitAsync();
        try
        {
            await StopAsync();
        }
        finally
        {
            _change.Release();
        }
        _change.Dispose();
    }

    // Gives what went wrong, where something did: leaving does not depend on anybody's consent.
    async Task<string?> TellLogoutAsync(NetworkRecord record, MapTrust? trust, CancellationToken cancel)
    {
        using var identity = state.Identity.Read();
        using var transport = new HttpControlTransport(
            identity.Tls, record.Certificates, record.Root, () => identity.CreateCertificateRequest(record.Network, record.Node, WallTime.From(time.GetUtcNow())),
            static _ => { }, time);
        var expected = new PinExpectation(record.Network, trust?.Epoch ?? 0, trust?.Body?.Withdrawn ?? []);
        var addresses = (trust?.Body?.Controllers.SelectMany(controller => controller.Addresses) ?? []).Concat(record.Controllers).Distinct();
        var problem = "it knows no controller";
        foreach (var address in addresses)
        {
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                limit.CancelAfter(_logoutTimeout);
                await transport.LogoutAsync(address, expected, limit.Token);
                return null;
            }
            catch (Exception failure) when (failure is IOException or ControlRefusedException or OperationCanceledException)
            {
                problem = $"{address}: {(failure is OperationCanceledException ? "no answer in time" : failure.Message)}";
            }
        }
        return problem;
    }

    async Task EnrollAsync(CredentialString credential, string? hostname, CancellationToken cancel)
    {
        // The keys are on the disk before anybody hears of them: whatever is cut short, the next attempt presents the same ones.
        using var identity = state.Identity.ReadOrCreate();
        Membership membership;
        try
        {
            membership = await new Enroller(time).EnrollAsync(credential, identity, MachineNames.Describe(hostname), cancel);
        }
        catch (OtherOwnerException other)
        {
            throw new MeshFailureException(ExitCodes.Refused, $"{other.Message}: mesh logout forgets the old keys, then run the same command again", other);
        }
        state.Map.Write(membership.Trust);
        state.Network.Write(membership.Record);
        (_record, _trust) = (membership.Record, membership.Trust);
        log.Enrolled(_record.Name, _record.Node.ToString(), _record.Network.ToString());
    }

    // With the keys that it has the machine is the same node. Another user's node it can only be with other keys; the old one stays.
    async Task JoinAgainAsync(CredentialString credential, string? hostname, CancellationToken cancel)
    {
        var (machine, enroller) = (MachineNames.Describe(hostname), new Enroller(time));
        using var identity = state.Identity.Read();
        NodeIdentity? fresh = null;
        try
        {
            Membership membership;
            try
            {
                membership = await enroller.EnrollAsync(credential, identity, machine, cancel);
            }
            catch (OtherOwnerException)
            {
                fresh = NodeIdentity.Create(SystemEntropy.Instance);
                membership = await enroller.EnrollAsync(credential, fresh, machine, cancel);
            }
            await StopAsync();
            // What the machine joined with is its key, whatever was under way.
            state.NextIdentity.Delete();
            if (fresh is not null)
            {
                // The membership goes first and comes last: what is cut short in between joins anew with these keys, by the same credential.
                state.Network.Delete();
                state.Endpoints.Delete();
                state.Identity.Write(fresh);
            }
            state.Map.Write(membership.Trust);
            Keep(membership.Record);
            _trust = membership.Trust;
            log.Enrolled(membership.Record.Name, membership.Record.Node.ToString(), membership.Record.Network.ToString());
        }
        finally
        {
            fresh?.Dispose();
        }
    }

    async Task StartAsync()
    {
        _starting = true;
        NodeIdentity? identity = null;
        ITunnel? tunnel = null;
        try
        {
            identity = state.Identity.Read();
            tunnel = await openTunnel(settings, identity.Tunnel, log);
            var hosts = settings.HostsFile is { } path ? new HostsFile(path, tunnel.Interface) : null;
            _member = await Member.StartAsync(_record!, _trust!, identity, state, tunnel, hosts, settings.KeyRotation, time, log);
            _problem = null;
            log.TunnelUp(tunnel.Interface, tunnel.Port);
        }
        catch (Exception failure) when (failure is IOException or System.Security.Cryptography.CryptographicException or MeshFailureException)
        {
            if (tunnel is not null)
                await tunnel.DisposeAsync();
            identity?.Dispose();
            _problem = $"the tunnel could not be started: {failure.Message}";
            log.TunnelFailed(failure.Message);
            throw failure as MeshFailureException ?? new MeshFailureException(ExitCodes.Failed, _problem, failure);
        }
        finally
        {
            _starting = false;
        }
    }

    async Task StopAsync()
    {
        if (_member is not { } member)
            return;
        (_trust, _record) = (((INetworkMemory)member).Trust, member.Record with { Down = _record!.Down });
        _member = null;
        await member.DisposeAsync();
        log.TunnelDown(member.Tunnel.Interface);
    }

    void Keep(NetworkRecord record)
    {
        state.Network.Write(record);
        _record = record;
    }

    async Task WaitForTurnAsync(CancellationToken cancel)
    {
        try
        {
            await _change.WaitAsync(cancel);
        }
        catch (OperationCanceledException cancelled)
        {
            throw new MeshFailureException(ExitCodes.TryAgain, "the daemon is busy with another change: try again", cancelled);
        }
    }
}

/// <summary>Opens a tunnel.</summary>
/// <param name="settings">Interface, port and MTU.</param>
/// <param name="key">The node's static key; its owner keeps it.</param>
/// <param name="log">Says what its actors have to say.</param>
/// <exception cref="IOException">The system would not have it; the message says what to do.</exception>
delegate Task<ITunnel> TunnelFactory(DaemonSettings settings, Protocol.Identity.TunnelPrivateKey key, ILogger log);
