using Mesh.Protocol.Crypto;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <content>
/// The choice of a handshake's suite. Where AES-256-GCM is wanted, an attempt begins with it, and after two initiations without an answer
/// goes on with plain ones. If one of these is answered, only plain ones are sent for ten minutes; then, or when the peer itself initiates
/// with AES-256-GCM, it is tried again. A session keeps its suite for life; both are full strength.
/// </content>
public sealed partial class PeerMachine
{
    int _aesInitiations;

    CipherSuite ChooseSuite(Instant now)
    {
        if (_options.Suite == CipherSuite.ChaCha20Poly1305 || now < _continuity.PlainUntil)
            return CipherSuite.ChaCha20Poly1305;
        if (_aesInitiations < TunnelTuning.SuiteAttempts)
            return CipherSuite.Aes256Gcm;
        if (!_continuity.SuiteFellBack)
        {
            _continuity.NoteSuiteFellBack(true);
            _events.Enqueue(new PeerEvent.SuiteFellBack());
        }
        return CipherSuite.ChaCha20Poly1305;
    }

    void NoteSuiteAnswered(CipherSuite suite, Instant now)
    {
        if (suite == CipherSuite.Aes256Gcm)
            ForgetFallback();
        // A plain one that went out before AES was asked for says nothing of what the peer takes.
        else if (_options.Suite == CipherSuite.Aes256Gcm && _aesInitiations >= TunnelTuning.SuiteAttempts && !(now < _continuity.PlainUntil))
            _continuity.PlainUntil = now + TunnelTuning.SuiteFallbackTime;
    }

    void NoteSuiteSpoken(CipherSuite suite)
    {
        if (suite == CipherSuite.Aes256Gcm)
            ForgetFallback();
    }

    // A session made before both ends had announced a better suite is not kept for its two minutes. A handshake that is under way decides
    // when it completes.
    void RenewOtherSuite(Instant now)
    {
        if (_continuity.Current is { } session && session.Suite != ChooseSuite(now))
            StartHandshake(now);
    }

    void ForgetFallback()
    {
        _continuity.PlainUntil = null;
        _continuity.NoteSuiteFellBack(false);
    }
}
