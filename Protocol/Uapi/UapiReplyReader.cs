using System.Buffers.Text;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Uapi;

/// <summary>Reads the answers to requests.</summary>
sealed class UapiReplyReader
{
    readonly UapiScopes _scopes;
    readonly List<UapiPeerStatus> _peers = [];
    readonly List<IpPrefix> _allowed = [];
    TunnelPrivateKey? _privateKey;
    uint _port;
    uint _mark;
    UapiPeerStatus? _peer;
    long _seconds;
    long _nanoseconds;
    int? _errno;

    UapiReplyReader(UapiScopes scopes) => _scopes = scopes;

    /// <inheritdoc cref="UapiDevice.TryParseReply"/>
    public static bool TryRead(ReadOnlySpan<byte> reply, UapiScopes scopes, [NotNullWhen(true)] out UapiDevice? device, out int errno)
    {
        UapiReplyReader reader = new(scopes);
        var sound = true;
        while (sound && UapiText.TryReadLine(ref reply, out var line) && !line.IsEmpty)
        {
            var equals = line.IndexOf((byte)'=');
            sound = equals > 0 && reader.TryTake(line[..equals], line[(equals + 1)..]);
        }

        reader.EndPeer();
        errno = sound && reader._errno is { } told ? told : UapiErrno.Protocol;
        device = errno == UapiErrno.None ? new UapiDevice(reader._privateKey, (int)reader._port, reader._mark, [.. reader._peers]) : null;
        if (device is not null)
            return true;
        reader._privateKey?.Dispose();
        foreach (var peer in reader._peers)
            peer.PresharedKey?.Dispose();
        return false;
    }

    bool TryTake(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.SequenceEqual("errno"u8))
        {
            var read = Utf8Parser.TryParse(value, out int errno, out var used) && used == value.Length;
            _errno = read ? errno : null;
            return read;
        }

        if (key.SequenceEqual("public_key"u8))
        {
            EndPeer();
            Span<byte> octets = stackalloc byte[Octets32.Size];
            if (!UapiText.TryReadHex(value, octets))
                return false;
            _peer = new UapiPeerStatus { Key = new TunnelPublicKey(octets) };
            return true;
        }

        return _peer is null ? TryTakeDevice(key, value) : TryTakePeer(_peer, key, value);
    }

    bool TryTakeDevice(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.SequenceEqual("private_key"u8))
            return UapiText.TryReadSecret(value, static octets => new TunnelPrivateKey(octets), out _privateKey);
        if (key.SequenceEqual("listen_port"u8))
            return UapiText.TryReadNumber(value, ushort.MaxValue, out _port);
        return !key.SequenceEqual("fwmark"u8) || UapiText.TryReadNumber(value, uint.MaxValue, out _mark);
    }

    bool TryTakePeer(UapiPeerStatus peer, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var read = true;
        if (key.SequenceEqual("allowed_ip"u8))
        {
            read = UapiText.TryReadPrefix(value, out var prefix);
            _allowed.Add(prefix);
        }
        else if (key.SequenceEqual("preshared_key"u8))
        {
            read = UapiText.TryReadSecret(value, static octets => new PresharedKey(octets), out var psk);
            _peer = peer with { PresharedKey = psk };
        }
        else if (key.SequenceEqual("endpoint"u8))
        {
            read = UapiText.TryReadEndpoint(value, _scopes, out var endpoint);
            _peer = peer with { Endpoint = endpoint };
        }
        else if (key.SequenceEqual("tx_bytes"u8))
        {
            read = TryReadLong(value, out var sent);
            _peer = peer with { SentBytes = sent };
        }
        else if (key.SequenceEqual("rx_bytes"u8))
        {
            read = TryReadLong(value, out var received);
            _peer = peer with { ReceivedBytes = received };
        }
        else if (key.SequenceEqual("persistent_keepalive_interval"u8))
        {
            read = UapiText.TryReadNumber(value, ushort.MaxValue, out var seconds);
            _peer = peer with { PersistentKeepalive = (int)seconds };
        }
        else if (key.SequenceEqual("last_handshake_time_sec"u8))
            read = TryReadLong(value, out _seconds);
        else if (key.SequenceEqual("last_handshake_time_nsec"u8))
            read = TryReadLong(value, out _nanoseconds);
        return read;
    }

    void EndPeer()
    {
        if (_peer is null)
            return;
        WallTime? at = _seconds == 0 && _nanoseconds == 0 ? null : new WallTime(_seconds * 1000 + _nanoseconds / 1_000_000);
        _peers.Add(_peer with { LastHandshake = at, AllowedIps = [.. _allowed] });
        _allowed.Clear();
        (_peer, _seconds, _nanoseconds) = (null, 0, 0);
    }

    // A counter or time that does not fit would be one that no program has reached.
    static bool TryReadLong(ReadOnlySpan<byte> text, out long number) =>
        Utf8Parser.TryParse(text, out number, out var used) && used == text.Length && number is >= 0 and < long.MaxValue / 1000;
}
