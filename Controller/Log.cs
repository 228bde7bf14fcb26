using System.Net;
using Mesh.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Mesh.Controller;

/// <summary>Is every recurring log message of the controller, each with its own event id. None ever carries a secret.</summary>
static partial class Log
{
    [LoggerMessage(1, LogLevel.Information,
        "network {Network}, controller {Controller}: listening on {Listen}, told to nodes as {Advertise}")]
    public static partial void Started(this ILogger log, NetworkId network, ControllerId controller, string listen, string advertise);

    [LoggerMessage(2, LogLevel.Information, "stopping")]
    public static partial void Stopping(this ILogger log);

    [LoggerMessage(3, LogLevel.Information, "the delegation by the network root was renewed until {NotAfter}")]
    public static partial void DelegationRenewed(this ILogger log, string notAfter);

    [LoggerMessage(4, LogLevel.Warning,
        "the delegation by the network root ends on {NotAfter}: renew it with 'mesh-controller cluster renew', with the root key at hand")]
    public static partial void DelegationEnds(this ILogger log, string notAfter);

    [LoggerMessage(5, LogLevel.Warning, "the delegation could not be renewed: {Reason}")]
    public static partial void RenewalFailed(this ILogger log, string reason);

    [LoggerMessage(6, LogLevel.Error, "the journal does not answer: {Reason}")]
    public static partial void JournalSilent(this ILogger log, string reason);

    [LoggerMessage(EventId = 7, Message = "{Source}: {Message}{Causes}")]
    public static partial void EngineSays(this ILogger log, LogLevel level, string source, string message, string causes, Exception? error);

    [LoggerMessage(10, LogLevel.Information, "enrolled {Name} ({Node}) with credential {Credential}, again: {Again}")]
    public static partial void Enrolled(this ILogger log, string name, NodeId node, CredentialId credential, bool again);

    [LoggerMessage(11, LogLevel.Information, "enrollment with credential {Credential} from {Address} refused: {Code}")]
    public static partial void EnrollmentRefused(this ILogger log, CredentialId credential, IPAddress address, string code);

    [LoggerMessage(12, LogLevel.Debug, "enrollment with credential {Credential} from {Address} limited for {Seconds} s")]
    public static partial void EnrollmentLimited(this ILogger log, CredentialId credential, IPAddress address, int seconds);

    [LoggerMessage(20, LogLevel.Debug, "control stream of {Node} opened")]
    public static partial void StreamOpened(this ILogger log, NodeId node);

    [LoggerMessage(21, LogLevel.Debug, "control stream of {Node} closed")]
    public static partial void StreamClosed(this ILogger log, NodeId node);

    [LoggerMessage(30, LogLevel.Error, "request {Path} failed")]
    public static partial void RequestFailed(this ILogger log, Exception error, string path);

    [LoggerMessage(40, LogLevel.Information, "{Admin}: {Method} {Path}")]
    public static partial void AdminRequest(this ILogger log, string admin, string method, string path);

    [LoggerMessage(41, LogLevel.Warning, "admin socket: refused uid {Uid}")]
    public static partial void AdminRefused(this ILogger log, int uid);

    [LoggerMessage(42, LogLevel.Information, "admin API: token {Token} from {Address} refused: {Code}")]
    public static partial void TokenRefused(this ILogger log, TokenId token, IPAddress address, string code);

    [LoggerMessage(50, LogLevel.Warning,
        "this machine's clock is {Seconds:0} s ahead of the database's (less than 0: behind); the database's counts: set the machine's")]
    public static partial void ClockIsOff(this ILogger log, double seconds);

    [LoggerMessage(51, LogLevel.Warning, "the database's clock went back by {Seconds:0.0} s")]
    public static partial void DatabaseClockWentBack(this ILogger log, double seconds);

    [LoggerMessage(52, LogLevel.Information, "linked to controller {Member} at {Address}")]
    public static partial void LinkOpened(this ILogger log, ControllerId member, string address);

    [LoggerMessage(53, LogLevel.Warning, "controller {Member} cannot be reached at {Address}: {Reason}; it is tried again")]
    public static partial void LinkFailed(this ILogger log, ControllerId member, string address, string reason);
}
