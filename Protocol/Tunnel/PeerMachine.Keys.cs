using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <content>
/// A planned change of a static key, on either side. The keys of a session do not depend on the static ones any more once they are agreed
/// (WireGuard paper section 5.4), so sessions go on both ways until one that was agreed under the new key takes their place.
/// </content>
public sealed partial class PeerMachine
{
    // Until something was agreed under the peer's new key, attempts do not end while there is a session to go on with.
    bool _agreesAnew;

    /// <summary>
    /// Goes on with a peer that has another static key now. What is agreed stays; a handshake under the former key is given up, and where
    /// there is a session or was a handshake, one under the new key starts at once and is repeated for as long as a session lives.
    /// </summary>
    public void ChangePeerKey(TunnelPublicKey peer, Instant now)
    {
        if (peer == _options.Peer)
            return;
        var wanted = IsHandshaking || _continuity.Current is not null || _continuity.Next is not null;
        _options = _options with { Peer = peer };
        _macs.Clear();
        _macs = new MessageMacs(peer);
        EndHandshake();
        // Packets may come on it yet, but that they do must not end the handshake that starts here.
        if (_continuity is { Next: { } next, Current: not null })
        {
            Retain(next);
            _continuity.Next = null;
        }
        // The pause between initiations is for one receiver: this is another one.
        _lastInitiationSent = null;
        _agreesAnew = wanted;
        if (wanted)
            StartHandshake(now);
    }

    /// <summary>
    /// Goes on with another static key of this device. Sessions stay, and so does a handshake that is under way: a peer that knows the former
    /// key only answers that one. The next initiation is made with the new key.
    /// </summary>
    public void ChangeDeviceKey(X25519 deviceKey) => _options = _options with { DeviceKey = deviceKey };
}
