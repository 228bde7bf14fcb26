namespace Mesh.Actors.Policy;

/// <summary>
/// Says who may open connections to whom. What no rule allows is denied; a rule has one direction, and replies to what it allows
/// need no rule of their own. Names are without prefix in <see cref="Groups"/> and <see cref="Tags"/>, selectors with it in
/// <see cref="Allow"/>. Immutable.
/// </summary>
/// <param name="Version">The format: 1.</param>
/// <param name="Groups">Named sets of users, sorted by name, their members sorted.</param>
/// <param name="Tags">Tags and who may assign them, sorted by name.</param>
/// <param name="Allow">The rules, in the order they were written; the order has no meaning.</param>
/// <param name="Approval">Whose machines wait for an admin when they join; null: nobody's.</param>
public sealed record PolicyDocument(
    int Version, IReadOnlyList<PolicyGroup> Groups, IReadOnlyList<PolicyTag> Tags, IReadOnlyList<PolicyRule> Allow, PolicyApproval? Approval = null)
{
    /// <summary>Gets the policy of a new network: nothing is allowed.</summary>
    public static PolicyDocument Empty { get; } = new(1, [], [], []);
}

/// <summary>Has every machine that joins wait for an admin, unless a selector matches it. Its credential may speak for it as well.</summary>
/// <param name="Automatic">
/// Who waits for nobody: <c>*</c>, <c>user:NAME</c>, <c>group:NAME</c>, <c>tag:NAME</c>, and by the credential <c>one-time</c>,
/// <c>reusable</c>, <c>ephemeral</c>; sorted.
/// </param>
public sealed record PolicyApproval(IReadOnlyList<string> Automatic)
{
    /// <summary>Matches machines that join with a credential for one machine.</summary>
    public const string OneTime = "one-time";

    /// <summary>Matches machines that join with a credential for several.</summary>
    public const string Reusable = "reusable";

    /// <summary>Matches machines that are deleted when they have been away.</summary>
    public const string Ephemeral = "ephemeral";
}

/// <summary>Is a named set of users.</summary>
public sealed record PolicyGroup(string Name, IReadOnlyList<string> Members);

/// <summary>Is a tag and who may assign it: <c>user:NAME</c> or <c>group:NAME</c>; an admin always may.</summary>
public sealed record PolicyTag(string Name, IReadOnlyList<string> Owners);

/// <summary>
/// Allows every node that a selector of <see cref="From"/> matches to open connections to every node that one of <see cref="To"/>
/// matches. Selectors: <c>*</c>, <c>user:NAME</c>, <c>group:NAME</c>, <c>tag:NAME</c>, <c>node:NAME</c>. A node that has tags is not
/// matched by its user.
/// </summary>
public sealed record PolicyRule(IReadOnlyList<string> From, IReadOnlyList<string> To);
