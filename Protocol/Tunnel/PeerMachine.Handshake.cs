using System.Buffers.Binary;
using System.Security.Cryptography;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Noise;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <content>Handshakes: initiations with their repetition, and answers (WireGuard paper sections 5.4 and 6.4).</content>
public sealed partial class PeerMachine
{
    readonly byte[] _response = new byte[HandshakeResponse.Size];
    int _responseLength;
    EndpointAddress _responseTo;
    IkPsk2Initiator? _initiator;
    Instant? _attemptStart;
    Instant? _lastInitiationSent;
    Instant? _lastInitiationTaken;
    bool _initiationDue;

    ReadOnlySpan<byte> PresharedKey => _options.PresharedKey is { } key ? key.Span : IkPsk2.NoPresharedKey;

    /// <summary>
    /// Starts a handshake unless one is running, whatever the age of the session. An initiation never goes out sooner than 5 s after the
    /// last one.
    /// </summary>
    public void StartHandshake(Instant now)
    {
        if (IsHandshaking)
            return;
        _attemptStart = now;
        _aesInitiations = 0;
        _timers.Clear(TunnelTimer.DeadPeer);
        if (_lastInitiationSent is { } last && now < last + TunnelSpecification.RekeyTimeout)
            _timers.Set(TunnelTimer.Handshake, last + TunnelSpecification.RekeyTimeout);
        else
            RequestInitiation(now);
    }

    /// <summary>
    /// Takes an initiation that the opener authenticated, and disposes it. The answer goes to where it came from. Reasons: StaleTimestamp,
    /// InitiationFlood, HandshakeAuthentication.
    /// </summary>
    public DropReason HandleInitiation(AuthenticatedInitiation initiation, EndpointAddress from, Instant now)
    {
        using var used = initiation;
        if (initiation.Peer != _options.Peer)
            return DropReason.HandshakeAuthentication;
        if (initiation.Timestamp <= _continuity.NewestReceived)
            return DropReason.StaleTimestamp;
        if (_lastInitiationTaken is { } last && now - last < TunnelTuning.InitiationInterval)
            return DropReason.InitiationFlood;

        Span<byte> sendingKey = stackalloc byte[32];
        Span<byte> receivingKey = stackalloc byte[32];
        try
        {
            using var ephemeral = new TunnelPrivateKey(_entropy);
            if (!initiation.Handshake.TryWriteResponse(ephemeral, PresharedKey, default, HandshakeResponse.Noise(_response.AsSpan()),
                    sendingKey, receivingKey))
                return DropReason.HandshakeAuthentication;
            _continuity.NewestReceived = initiation.Timestamp;
            _lastInitiationTaken = now;

            var local = _indexes.Reserve();
            HandshakeResponse.WriteHeader(_response, local, initiation.Sender);
            _macs.Complete(_response, HandshakeResponse.Mac1Offset, local, now);
            _responseLength = HandshakeResponse.Size;
            _responseTo = from;
            var session = new TransportSession(SessionRole.Responder, local, initiation.Sender, sendingKey, receivingKey, Activity, now,
                initiation.Suite);
            NoteSuiteSpoken(initiation.Suite);
            InstallAnswered(session, now);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(sendingKey);
            CryptographicOperations.ZeroMemory(receivingKey);
        }
        Activity.NoteReceived(now, isData: false);
        HandleEndpointSeen(from);
        return DropReason.None;
    }

    /// <summary>Takes a response that passed the gate. Reasons: UnexpectedMessage, HandshakeAuthentication, MessageLength.</summary>
    public DropReason HandleResponse(ReadOnlySpan<byte> message, EndpointAddress from, Instant now)
    {
        if (TunnelMessage.Classify(message) != MessageType.Response)
            return DropReason.MessageLength;
        if (_initiator is null || _continuity.Outstanding is not { } local || HandshakeResponse.Receiver(message) != local)
            return DropReason.UnexpectedMessage;

        Span<byte> sendingKey = stackalloc byte[32];
        Span<byte> receivingKey = stackalloc byte[32];
        try
        {
            if (!_initiator.TryReadResponse(HandshakeResponse.Noise(message), PresharedKey, default, sendingKey, receivingKey))
                return DropReason.HandshakeAuthentication;
            var suite = _initiator.Suite;
            NoteSuiteAnswered(suite, now);
            // The index goes over from the handshake to the session.
            _continuity.Outstanding = null;
            EndHandshake();
            var remote = HandshakeResponse.Sender(message);
            Activity.NoteReceived(now, isData: false);
            HandleEndpointSeen(from);
            InstallInitiated(
                new TransportSession(SessionRole.Initiator, local, remote, sendingKey, receivingKey, Activity, now, suite), now);
            RenewOtherSuite(now);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(sendingKey);
            CryptographicOperations.ZeroMemory(receivingKey);
        }
        return DropReason.None;
    }

    /// <summary>
    /// Takes a cookie reply to the last initiation or response sent; the next one carries the cookie. Reasons: UnexpectedMessage,
    /// CookieAuthentication, MessageLength.
    /// </summary>
    public DropReason HandleCookieReply(ReadOnlySpan<byte> message, Instant now)
    {
        var reason = _macs.TakeCookie(message, now);
        // A cookie is an answer too: the peer read the initiation and would have dropped a suite that it does not take part in.
        if (reason == DropReason.None && CookieReply.Receiver(message) == _continuity.Outstanding)
            _aesInitiations = 0;
        return reason;
    }

    void RequestInitiation(Instant now)
    {
        _initiationDue = true;
        Span<byte> random = stackalloc byte[4];
        _entropy.Fill(random);
        var jitter = TimeSpan.FromTicks(
            BinaryPrimitives.ReadUInt32LittleEndian(random) % (uint)TunnelSpecification.RekeyTimeoutJitter.Ticks);
        _timers.Set(TunnelTimer.RetryHandshake,
            Instant.Min(now + TunnelSpecification.RekeyTimeout + jitter, _attemptStart!.Value + TunnelSpecification.RekeyAttemptTime));
    }

    void RetryHandshake(Instant now)
    {
        if (_attemptStart is not { } start)
            return;
        if (_agreesAnew && _continuity.Current is not null && now - start >= TunnelSpecification.RekeyAttemptTime)
            _attemptStart = start = now;
        if (now - start < TunnelSpecification.RekeyAttemptTime)
        {
            RequestInitiation(now);
            return;
        }
        _agreesAnew = false;
        EndHandshake();
        _events.Enqueue(new PeerEvent.HandshakeGaveUp());
        Activity.ForgetUnanswered();
        _continuity.Current?.RearmRekey();
        if (_timers[TunnelTimer.ZeroKeys] is null)
            _timers.Set(TunnelTimer.ZeroKeys, now + TunnelSpecification.ZeroKeysAfterTime);
        Watch(now);
    }

    void EndHandshake()
    {
        _attemptStart = null;
        _initiationDue = false;
        _timers.Clear(TunnelTimer.Handshake);
        _timers.Clear(TunnelTimer.RetryHandshake);
        DropInitiator();
    }

    void DropInitiator()
    {
        _initiator?.Dispose();
        _initiator = null;
        if (_continuity.Outstanding is { } index)
            _indexes.Release(index);
        _continuity.Outstanding = null;
    }

    bool TryTakeResponse(Span<byte> buffer, Instant now, out Transmit transmit)
    {
        transmit = default;
        if (_responseLength == 0)
            return false;
        _response.CopyTo(buffer);
        transmit = new Transmit(_responseTo, _responseLength, TransmitKind.Response);
        _responseLength = 0;
        Activity.NoteSent(now, isData: false);
        return true;
    }

    bool TryTakeInitiation(Span<byte> buffer, Instant now, WallTime wallClock, out Transmit transmit)
    {
        transmit = default;
        if (!_initiationDue || _continuity.Endpoint.IsNone)
            return false;
        _initiationDue = false;
        DropInitiator();

        var timestamp = Tai64N.After(_continuity.NewestSent, wallClock);
        Span<byte> payload = stackalloc byte[Tai64N.Size];
        timestamp.WriteTo(payload);
        using var ephemeral = new TunnelPrivateKey(_entropy);
        var suite = ChooseSuite(now);
        var initiator = new IkPsk2Initiator(suite, _options.DeviceKey, ephemeral, _options.Peer, TunnelSpecification.Identifier);
        var message = buffer[..HandshakeInitiation.Size];
        if (!initiator.TryWriteInitiation(payload, HandshakeInitiation.Noise(message)))
        {
            // The configured key is of small order: nobody holds its private half, so nobody can answer.
            initiator.Dispose();
            return false;
        }
        var local = _indexes.Reserve();
        HandshakeInitiation.WriteHeader(message, local, suite);
        _macs.Complete(message, HandshakeInitiation.Mac1Offset, local, now);
        _initiator = initiator;
        _continuity.Outstanding = local;
        _continuity.NewestSent = timestamp;
        _lastInitiationSent = now;
        if (suite == CipherSuite.Aes256Gcm)
            _aesInitiations++;
        Activity.NoteSent(now, isData: false);
        transmit = new Transmit(_continuity.Endpoint, HandshakeInitiation.Size, TransmitKind.Initiation);
        return true;
    }
}
