using System.Runtime.InteropServices;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;

namespace Mesh.Protocol.Uapi;

/// <summary>A configuration while operations are applied to it. Cost follows the operations, plus one pass over all prefixes if any of them
/// gives or takes one.</summary>
sealed class UapiChange
{
    readonly List<Draft> _order = [];
    readonly Dictionary<TunnelPublicKey, Draft> _peers = [];
    readonly int _operations;
    UapiConfiguration _configuration;
    Dictionary<IpPrefix, Draft>? _owners;
    Draft? _current;
    bool _currentIsNew;

    /// <param name="configuration">What the operations change.</param>
    /// <param name="operations">How many there are, so that tables need not grow.</param>
    public UapiChange(UapiConfiguration configuration, int operations)
    {
        (_configuration, _operations) = (configuration, operations);
        foreach (var peer in configuration.Peers)
            Add(new Draft(peer));
    }

    public void Apply(UapiOperation operation)
    {
        switch (operation)
        {
            case UapiOperation.SetPrivateKey { Key: var key }:
                TunnelPublicKey? own = key is null ? null : X25519.ComputePublicKey(key);
                _configuration = _configuration with { PrivateKey = key, PublicKey = own };
                if (own is { } same && _peers.TryGetValue(same, out var self))
                    Remove(self);
                break;
            case UapiOperation.SetListenPort { Port: var port }:
                _configuration = _configuration with { ListenPort = port };
                break;
            case UapiOperation.SetFirewallMark { Mark: var mark }:
                _configuration = _configuration with { FirewallMark = mark };
                break;
            case UapiOperation.ReplacePeers:
                _order.Clear();
                _peers.Clear();
                _owners = new Dictionary<IpPrefix, Draft>(_operations);
                break;
            case UapiOperation.Peer { Key: var key }:
                Select(key);
                break;
            default:
                // About a peer that is not kept, nothing is done.
                if (_current is not null)
                    Apply(operation, _current);
                break;
        }
    }

    public UapiConfiguration ToConfiguration() => _configuration with { Peers = [.. _order.Where(d => !d.Removed).Select(Freeze)] };

    void Apply(UapiOperation operation, Draft peer)
    {
        switch (operation)
        {
            case UapiOperation.UpdateOnly when _currentIsNew:
            case UapiOperation.Remove:
                Remove(peer);
                _current = null;
                break;
            case UapiOperation.SetPresharedKey { Key: var psk }:
                peer.Peer = peer.Peer with { PresharedKey = psk };
                break;
            case UapiOperation.SetEndpoint { Endpoint: var endpoint }:
                peer.Peer = peer.Peer with { Endpoint = endpoint, EndpointCommands = peer.Peer.EndpointCommands + 1 };
                break;
            case UapiOperation.SetPersistentKeepalive { Seconds: var seconds }:
                peer.Peer = peer.Peer with { PersistentKeepalive = seconds };
                break;
            case UapiOperation.ReplaceAllowedIps:
                DisallowAll(peer);
                break;
            case UapiOperation.AllowIp { Prefix: var prefix }:
                Allow(peer, prefix);
                break;
            case UapiOperation.DisallowIp { Prefix: var prefix }:
                if (Owners.TryGetValue(prefix, out var owner) && owner == peer)
                {
                    Owners.Remove(prefix);
                    peer.IsDirty = peer.HasLost = true;
                }

                break;
        }
    }

    Dictionary<IpPrefix, Draft> Owners
    {
        get
        {
            if (_owners is null)
            {
                _owners = new Dictionary<IpPrefix, Draft>(_order.Sum(d => d.Peer.AllowedIps.Length) + _operations);
                foreach (var draft in _order.Where(d => !d.Removed))
                {
                    // Before the first change of prefixes a peer has what it had.
                    foreach (var prefix in draft.Peer.AllowedIps)
                        _owners[prefix] = draft;
                }
            }

            return _owners;
        }
    }

    void Select(TunnelPublicKey key)
    {
        _currentIsNew = false;
        if (_configuration.PublicKey == key)
            _current = null;
        else if (!_peers.TryGetValue(key, out _current))
        {
            _currentIsNew = true;
            _current = new Draft(new UapiPeer { Key = key });
            Add(_current);
        }
    }

    void Add(Draft draft)
    {
        _order.Add(draft);
        _peers.Add(draft.Peer.Key, draft);
    }

    void Remove(Draft draft)
    {
        if (_owners is not null)
            DisallowAll(draft);
        draft.Removed = true;
        _peers.Remove(draft.Peer.Key);
    }

    void Allow(Draft peer, IpPrefix prefix)
    {
        ref var owner = ref CollectionsMarshal.GetValueRefOrAddDefault(Owners, prefix, out _);
        if (owner == peer)
            return;
        if (owner is not null)
            owner.IsDirty = owner.HasLost = true;
        owner = peer;
        peer.Given.Add(prefix);
        peer.IsDirty = true;
    }

    void DisallowAll(Draft peer)
    {
        foreach (var prefix in peer.Given)
        {
            if (Owners.TryGetValue(prefix, out var owner) && owner == peer)
                Owners.Remove(prefix);
        }

        peer.Given.Clear();
        peer.IsDirty = true;
        peer.HasLost = false;
    }

    UapiPeer Freeze(Draft draft)
    {
        if (!draft.IsDirty)
            return draft.Peer;
        if (!draft.HasLost)
            return draft.Peer with { AllowedIps = [.. draft.Given] };
        // A prefix that was given, taken and given again is listed twice.
        HashSet<IpPrefix> listed = new(draft.Given.Count);
        return draft.Peer with { AllowedIps = [.. draft.Given.Where(p => Owners.TryGetValue(p, out var owner) && owner == draft && listed.Add(p))] };
    }

    sealed class Draft(UapiPeer peer)
    {
        List<IpPrefix>? _given;

        public UapiPeer Peer { get; set; } = peer;

        // What was ever given; whether it still is, the owners know.
        public List<IpPrefix> Given => _given ??= [.. Peer.AllowedIps];

        public bool IsDirty { get; set; }

        // Whether something given was taken again.
        public bool HasLost { get; set; }

        public bool Removed { get; set; }
    }
}
