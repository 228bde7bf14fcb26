using Mesh.Actors.Control;
using Mesh.Node.State;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Service;

/// <summary>
/// Keeps a node's tunnel keys in the state directory and in the tunnel. Of the two files the one without a next key beside it counts: the next
/// key is written before a controller hears of it, takes the other's place in one step once a controller has it, and only then goes.
/// </summary>
/// <param name="identity">The keys; its tunnel key is replaced in place. Owned by whoever made it.</param>
/// <param name="state">Keeps them.</param>
/// <param name="tunnel">Works with them.</param>
/// <param name="since">Since when the present one is in use.</param>
/// <param name="keepSince">Keeps since when the one is in use that has just taken its place.</param>
/// <param name="log">Says what happens.</param>
sealed class NodeKeys(NodeIdentity identity, StateDirectory state, ITunnel tunnel, WallTime since, Action<WallTime> keepSince, ILogger log)
    : INodeKeys, IDisposable
{
    readonly Lock _lock = new();
    NodeIdentity? _next;
    NodeIdentity? _former;
    WallTime _since = since;

    /// <inheritdoc/>
    public TunnelPublicKey Current
    {
        get
        {
            lock (_lock)
                return identity.TunnelPublicKey;
        }
    }

    /// <inheritdoc/>
    public WallTime Since
    {
        get
        {
            lock (_lock)
                return _since;
        }
    }

    /// <inheritdoc/>
    public TunnelPublicKey? Next
    {
        get
        {
            lock (_lock)
                return _next?.TunnelPublicKey;
        }
    }

    /// <inheritdoc/>
    public bool HasFormer => Volatile.Read(ref _former) is not null;

    /// <summary>Takes up what a rotation that was cut short left behind.</summary>
    public async Task ResumeAsync()
    {
        if (!state.NextIdentity.Exists)
            return;
        NodeIdentity? next = null;
        try
        {
            next = state.NextIdentity.Read();
        }
        catch (MeshFailureException unusable)
        {
            // Where a controller has it already, it hears as the node attaches which one the node has.
            log.NextKeyUnusable(unusable.Message);
        }
        if (next is null || next.TunnelPublicKey == identity.TunnelPublicKey)
        {
            next?.Dispose();
            TryKeep(state.NextIdentity.Delete);
            return;
        }
        lock (_lock)
            _next = next;
        await TellTunnelAsync(identity.Tunnel, next.Tunnel);
    }

    /// <inheritdoc/>
    public async Task PrepareAsync()
    {
        var next = identity.WithNewTunnelKey(SystemEntropy.Instance);
        try
        {
            Keep(() => state.NextIdentity.Write(next));
        }
        catch
        {
            next.Dispose();
            throw;
        }
        // One key is answered to beside the own one: peers that know the one before the last only have had their time.
        var former = Interlocked.Exchange(ref _former, null);
        lock (_lock)
            _next = next;
        await TellTunnelAsync(identity.Tunnel, next.Tunnel);
        former?.Dispose();
    }

    /// <inheritdoc/>
    public async Task SwitchAsync(WallTime now)
    {
        var next = _next ?? throw new InvalidOperationException("there is no next key");
        Keep(() => state.Identity.Write(next));
        lock (_lock)
        {
            identity.ExchangeTunnelKey(next);
            (_next, _former, _since) = (null, next, now);
        }
        await TellTunnelAsync(identity.Tunnel, next.Tunnel);
        log.KeyRotated(next.TunnelPublicKey.ToString(), identity.TunnelPublicKey.ToString());
        TryKeep(state.NextIdentity.Delete);
        TryKeep(() => keepSince(now));
    }

    /// <inheritdoc/>
    public async Task AbandonAsync()
    {
        if (_next is not { } next)
            return;
        lock (_lock)
            _next = null;
        await TellTunnelAsync(identity.Tunnel, null);
        next.Dispose();
        TryKeep(state.NextIdentity.Delete);
    }

    /// <inheritdoc/>
    public async Task ForgetFormerAsync()
    {
        if (_next is not null || Interlocked.Exchange(ref _former, null) is not { } former)
            return;
        await TellTunnelAsync(identity.Tunnel, null);
        former.Dispose();
    }

    /// <summary>Zeroes the next and the former key; the tunnel has ended.</summary>
    public void Dispose()
    {
        _next?.Dispose();
        _former?.Dispose();
    }

    // Keys and peers are what was said also where the system refuses an address or a route; the next map makes those again.
    async Task TellTunnelAsync(TunnelPrivateKey key, TunnelPrivateKey? alternate)
    {
        try
        {
            await tunnel.SetKeysAsync(key, alternate);
        }
        catch (IOException failure)
        {
            log.KeysNotApplied(failure.Message);
        }
    }

    // What is decided stays decided: what cannot be cleaned up now is when the node starts again.
    void TryKeep(Action write)
    {
        try
        {
            write();
        }
        catch (MeshFailureException failure)
        {
            log.KeysNotApplied(failure.Message);
        }
    }

    static void Keep(Action write)
    {
        try
        {
            write();
        }
        catch (MeshFailureException failure)
        {
            throw new IOException(failure.Message, failure);
        }
    }
}
