using System.Net;
using Mesh.Protocol.Control;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Control;

/// <summary>Opens control streams. Safe for concurrent use.</summary>
public interface IControlTransport
{
    /// <summary>Gets the life of the TLS certificate in use.</summary>
    CertificateLife Certificate { get; }

    /// <summary>Attaches to one controller: done when the controller has let the node in.</summary>
    /// <param name="address"><c>host:port</c>.</param>
    /// <param name="attach">The first line.</param>
    /// <param name="expected">What the node knows of its network, for the verification of the controller.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="ControlRefusedException">The controller says no.</exception>
    /// <exception cref="IOException">The controller cannot be reached, or is none of this network.</exception>
    Task<IControlStream> AttachAsync(string address, AttachFrame attach, PinExpectation expected, CancellationToken cancel);

    /// <summary>Fetches a fresh TLS certificate, which the streams that are opened from then on present.</summary>
    /// <exception cref="ControlRefusedException">The controller says no.</exception>
    /// <exception cref="IOException">The controller cannot be reached, or gave a certificate that is not for this node.</exception>
    Task RenewCertificateAsync(string address, PinExpectation expected, CancellationToken cancel);

    /// <summary>Tells a controller that the node changes its tunnel key; the same request may be made again.</summary>
    /// <exception cref="ControlRefusedException">The controller says no.</exception>
    /// <exception cref="IOException">The controller cannot be reached, or its answer was lost.</exception>
    Task RotateKeyAsync(string address, KeyRotationRequest request, PinExpectation expected, CancellationToken cancel);
}

/// <summary>Says from when to when a certificate is valid.</summary>
public readonly record struct CertificateLife(WallTime NotBefore, WallTime NotAfter)
{
    /// <summary>Gets the moment from which on a new one is asked for: half of its life.</summary>
    public WallTime RenewFrom => NotBefore + (NotAfter - NotBefore) / 2;
}

/// <summary>Is an open control stream. One reader and one writer at a time; they may be different ones.</summary>
public interface IControlStream : IAsyncDisposable
{
    /// <summary>Reads the next line; null where the controller ended the stream.</summary>
    /// <exception cref="IOException">The stream is broken, or what came is not a line of it.</exception>
    Task<DownFrame?> ReadAsync(CancellationToken cancel);

    /// <summary>Sends one line.</summary>
    /// <exception cref="IOException">The stream is broken.</exception>
    Task SendAsync(UpFrame frame, CancellationToken cancel);
}

/// <summary>Says that a controller was reached, was verified and said no.</summary>
/// <param name="code">One of <see cref="Protocol.Enrollment.RefusalCodes"/>, or the HTTP status as text.</param>
/// <param name="message">The controller's one line for people.</param>
/// <param name="retryAfterSeconds">When trying again may help.</param>
public sealed class ControlRefusedException(string code, string message, int? retryAfterSeconds = null) : Exception(message)
{
    /// <summary>Gets when trying again may help, in seconds.</summary>
    public int? RetryAfterSeconds { get; } = retryAfterSeconds;

    /// <summary>Gets the code.</summary>
    public string Code { get; } = code;
}

/// <summary>Puts maps and endpoints in force. Safe for concurrent use.</summary>
public interface INetworkSink
{
    /// <summary>Makes peers and rules what the body says. Done when they are in force.</summary>
    /// <param name="body">The body; null closes every peer.</param>
    /// <param name="endpoints">Where peers may be reached. An endpoint that a peer itself authenticated wins until it goes stale.</param>
    /// <exception cref="IOException">The system would not have it; what was in force before may be in force in part.</exception>
    Task ApplyAsync(MapBody? body, IReadOnlyDictionary<NodeId, IReadOnlyList<IPEndPoint>> endpoints);
}

/// <summary>Keeps what must survive the actor and the process. Used by one actor at a time.</summary>
public interface INetworkMemory
{
    /// <summary>Gets what the node believes: what was saved last, also where the disk did not take it.</summary>
    MapTrust Trust { get; }

    /// <summary>Gets where peers were last reached, as text, best first.</summary>
    IReadOnlyDictionary<NodeId, IReadOnlyList<string>> Endpoints { get; }

    /// <summary>Keeps what the node believes.</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    void Save(MapTrust trust);

    /// <summary>Keeps where peers were last reached.</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    void Save(IReadOnlyDictionary<NodeId, IReadOnlyList<string>> endpoints);
}

/// <summary>Knows where this machine may be reached. Safe for concurrent use.</summary>
public interface IOwnEndpoints
{
    /// <summary>Is raised, on any thread, when <see cref="Current"/> may have changed.</summary>
    event Action? Changed;

    /// <summary>Gets the UDP endpoints of the tunnel, best first.</summary>
    IReadOnlyList<IPEndPoint> Current { get; }
}
