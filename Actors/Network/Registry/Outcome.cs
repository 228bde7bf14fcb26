using System.Diagnostics.CodeAnalysis;

namespace Mesh.Actors.Registry;

/// <summary>Says what kind of no it is, so that a program knows its exit code or HTTP status.</summary>
public enum RefusalKind
{
    /// <summary>The request itself makes no sense (exit 64 or 65, HTTP 400).</summary>
    Invalid,

    /// <summary>It names what does not exist (exit 1, HTTP 404).</summary>
    NotFound,

    /// <summary>It contradicts the present state (exit 1, HTTP 409).</summary>
    Conflict,

    /// <summary>The rules forbid it (exit 77, HTTP 403).</summary>
    Denied,

    /// <summary>It cannot be decided now; the same request may succeed later (exit 75, HTTP 503).</summary>
    Unavailable,
}

/// <summary>Is a no, with its reason. Nothing was changed.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Code">A fixed word; for enrollment one of <see cref="Mesh.Protocol.Enrollment.RefusalCodes"/>.</param>
/// <param name="Message">One line: what is wrong and what to do.</param>
public sealed record Refusal(RefusalKind Kind, string Code, string Message)
{
    /// <summary>Says that no decision could be had in time.</summary>
    public static Refusal Unavailable(string what) =>
        new(RefusalKind.Unavailable, Mesh.Protocol.Enrollment.RefusalCodes.Unavailable, $"{what}: the controller could not decide in time, try again");
}

/// <summary>Is what was asked for, or a <see cref="Refusal"/>.</summary>
public sealed class Outcome<T> where T : class
{
    Outcome(T? value, Refusal? refusal) => (Value, Refusal) = (value, refusal);

    /// <summary>Gets what was asked for; null where it was refused.</summary>
    public T? Value { get; }

    /// <summary>Gets why it was refused; null where it was not.</summary>
    public Refusal? Refusal { get; }

    /// <summary>Gets whether <see cref="Value"/> is there.</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Refusal))]
    public bool IsDone => Value is not null;

    /// <summary>Wraps a value.</summary>
    public static implicit operator Outcome<T>(T value) => new(value, null);

    /// <summary>Wraps a refusal.</summary>
    public static implicit operator Outcome<T>(Refusal refusal) => new(null, refusal);
}
