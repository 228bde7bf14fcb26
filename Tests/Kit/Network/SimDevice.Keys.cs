using System.Collections.Frozen;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Kit.Network;

/// <content>The device's keys, and planned changes of them, as a real device makes them.</content>
public sealed partial class SimDevice
{
    readonly CipherSuite[] _announced;
    Identity _own;
    Identity? _alternate;

    /// <summary>Draws a key that the device could change to.</summary>
    public X25519 DrawKey()
    {
        using var key = new TunnelPrivateKey(Entropy);
        return new X25519(key);
    }

    /// <summary>Starts handshakes with a key from now on and answers to a second one as well; sessions go on.</summary>
    public void ChangeKey(X25519 key, X25519? alternate)
    {
        Identity?[] before = [_own, _alternate];
        _own = Array.Find(before, one => one?.Key == key) ?? Identify(key);
        _alternate = alternate is null ? null : Array.Find(before, one => one?.Key == alternate) ?? Identify(alternate);
        foreach (var peer in _peers.Values)
        {
            peer.Machine.ChangeDeviceKey(key);
            Drain(peer);
        }
    }

    /// <summary>Goes on with a peer under another key of it.</summary>
    public void ChangePeerKey(SimPeer peer, TunnelPublicKey key)
    {
        var former = _peers.Single(entry => entry.Value == peer).Key;
        _peers.Remove(former);
        _peers.Add(key, peer);
        _keys = _peers.Keys.ToFrozenSet();
        peer.Machine.ChangePeerKey(key, _network.Clock.Now);
        Drain(peer);
    }

    Identity Identify(X25519 key) => new(key, new InitiationGate(key.PublicKey, Entropy, _announced), new InitiationOpener(key));

    sealed record Identity(X25519 Key, InitiationGate Gate, InitiationOpener Opener);
}
