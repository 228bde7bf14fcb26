using Microsoft.Extensions.Logging;

namespace Mesh.Node;

/// <summary>Holds every log line of this program; event ids are unique.</summary>
static partial class Log
{
    [LoggerMessage(1001, LogLevel.Information, "mesh {Version} serves {Socket}, state in {StateDirectory}")]
    public static partial void Started(this ILogger log, string version, string socket, string stateDirectory);

    [LoggerMessage(1002, LogLevel.Information, "stopping")]
    public static partial void Stopping(this ILogger log);

    [LoggerMessage(1003, LogLevel.Information, "enrolled as {Name} ({Node}) in network {Network}")]
    public static partial void Enrolled(this ILogger log, string name, string node, string network);

    [LoggerMessage(1004, LogLevel.Information, "a map is in force: {Peers} peers")]
    public static partial void MapInForce(this ILogger log, int peers);

    [LoggerMessage(1005, LogLevel.Warning, "all peers are closed")]
    public static partial void PeersClosed(this ILogger log);

    [LoggerMessage(1006, LogLevel.Warning, "{Problem}")]
    public static partial void HostsFileFailed(this ILogger log, string problem);

    [LoggerMessage(1007, LogLevel.Warning, "{Problem}")]
    public static partial void EndpointsForgotten(this ILogger log, string problem);

    [LoggerMessage(1008, LogLevel.Information, "interface {Interface} is up on UDP port {Port}")]
    public static partial void TunnelUp(this ILogger log, string @interface, int port);

    [LoggerMessage(1009, LogLevel.Information, "interface {Interface} is down")]
    public static partial void TunnelDown(this ILogger log, string @interface);

    [LoggerMessage(1010, LogLevel.Information, "left network {Network}")]
    public static partial void LoggedOut(this ILogger log, string network);

    [LoggerMessage(1011, LogLevel.Warning, "the controller was not told of the logout ({Problem})")]
    public static partial void LogoutNotTold(this ILogger log, string problem);

    [LoggerMessage(1013, LogLevel.Warning, "{Actor}: {Text}")]
    public static partial void ActorSaid(this ILogger log, string actor, string text);

    [LoggerMessage(1020, LogLevel.Debug, "{Interface}: serving wg")]
    public static partial void WireGuardUp(this ILogger log, string @interface);

    [LoggerMessage(1021, LogLevel.Debug, "{Interface}: ending")]
    public static partial void WireGuardDown(this ILogger log, string @interface);

    [LoggerMessage(1022, LogLevel.Error, "a set request was refused: {Problem}")]
    public static partial void SetRefused(this ILogger log, string problem);

    [LoggerMessage(1023, LogLevel.Error, "the socket for wg: {Problem}")]
    public static partial void UapiFailed(this ILogger log, string problem);

    [LoggerMessage(1024, LogLevel.Debug, "{Interface} was set {State}")]
    public static partial void LinkChanged(this ILogger log, string @interface, string state);

    [LoggerMessage(1014, LogLevel.Information, "the tunnel key {Former} was rotated: it is {Key} now")]
    public static partial void KeyRotated(this ILogger log, string former, string key);

    [LoggerMessage(1015, LogLevel.Warning, "the next tunnel key cannot be used and is given up: {Problem}")]
    public static partial void NextKeyUnusable(this ILogger log, string problem);

    [LoggerMessage(1016, LogLevel.Warning, "a part of the key rotation is left to do: {Problem}")]
    public static partial void KeysNotApplied(this ILogger log, string problem);

    [LoggerMessage(1012, LogLevel.Error, "the tunnel could not be started: {Problem}")]
    public static partial void TunnelFailed(this ILogger log, string problem);
}
