namespace Mesh.Tests.Engine.Model;

/// <summary>The words that both worlds use in their traces, so that lines can be compared as text.</summary>
static class Line
{
    public static string Ref(int number) => number switch
    {
        Nobodies.Guardian => "the guardian",
        Nobodies.DeadLetters => "nobody",
        Nobodies.Nobody => "Nobody",
        Nobodies.Engine => "the engine",
        _ => $"#{number}",
    };

    public static string Made(int actor, int incarnation) => $"#{actor} is made, incarnation {incarnation}";

    public static string PreStart(int actor) => $"#{actor} PreStart";

    public static string PostStop(int actor) => $"#{actor} PostStop";

    public static string PreRestart(int actor, string cause, string message, int sender) =>
        $"#{actor} PreRestart: {cause} in {message} from {Ref(sender)}";

    public static string PostRestart(int actor, string cause) => $"#{actor} PostRestart: {cause}";

    public static string Disposed(int actor, int incarnation) => $"#{actor} incarnation {incarnation} is disposed of";

    public static string Handles(int actor, int behaviour, string message, int sender) =>
        $"#{actor} as {behaviour} handles {message} from {Ref(sender)}";

    public static string GoesOn(int actor, string message) => $"#{actor} goes on with {message}";

    public static string DeadLetter(string message, int sender, int recipient) =>
        $"dead letter {message} from {Ref(sender)} to {Ref(recipient)}";

    public static string SuppressedDeadLetter(string message, int sender, int recipient) =>
        $"suppressed dead letter {message} from {Ref(sender)} to {Ref(recipient)}";

    public static string Unhandled(string message, int sender, int recipient) =>
        $"#{recipient} does not handle {message} from {Ref(sender)}";

    public static string Log(string level, string path, string what) => $"{level} of {path}: {what}";

    public static string Announced(Announcement announcement) => $"announced: {announcement}";

    // Messages and failures.
    public static string Terminated(int actor, bool confirmed) => $"Terminated({Ref(actor)}, {(confirmed ? "seen" : "unseen")})";

    public static string Tick(string key, int generation) => $"tick {generation} of {key}";

    public static string Identity(int? subject) => subject is { } number ? $"identity of {Ref(number)}" : "no identity";

    public const string TimeoutTick = "timeout tick";
    public const string ReceiveTimeout = "ReceiveTimeout";
    public const string Pill = "PoisonPill";
    public const string Kill = "Kill";
    public const string Identify = "Identify";
    public const string Nothing = "nothing";

    public static string Thrown(FailureKind kind, int number) => $"{kind} {number}";

    public static string StartFailed(string inner) => $"[start failed: {inner}]";

    public static string RestartFailed(string inner, string original) => $"[restart after {original} failed: {inner}]";

    public static string EndFailed(string inner) => $"[end failed: {inner}]";

    public static string DeathOf(int actor) => $"death of {Ref(actor)}";

    public const string Killed = "killed";
    public const string BadName = "bad name";
    public const string Stopping = "stopping";
    public const string IllegalState = "illegal state";
    public const string StashFull = "stash full";
    public const string ResumeIntoCreate = "Changing Resume into Create";
    public const string RecreateIntoCreate = "Changing Recreate into Create";

    public static string Inspection(int stashed, IEnumerable<string> timers, TimeSpan? timeout) =>
        $"{stashed} stashed, timers [{string.Join(" ", timers.Order(StringComparer.Ordinal))}], "
        + $"timeout {(timeout is { } time ? $"{time.TotalMilliseconds} ms" : "off")}";
}
