using System.Collections.Immutable;
using Mesh.Protocol.Map;

namespace Mesh.Protocol.Filter;

/// <summary>
/// What one peer may open towards this node (<see cref="Accept"/>) and what this node may open towards the peer (<see cref="Send"/>).
/// Nothing is allowed that no rule allows. Immutable.
/// </summary>
public sealed class PeerRules
{
    /// <summary>Allows nothing either way.</summary>
    public static readonly PeerRules None = new([], []);

    /// <summary>Allows everything both ways: a peer that an administrator configured by hand, without a policy.</summary>
    public static readonly PeerRules All = new([FilterRule.Any], [FilterRule.Any]);

    /// <summary>Takes rules as they are.</summary>
    /// <param name="accept">What the peer may open towards us; the port is ours.</param>
    /// <param name="send">What we may open towards the peer; the port is the peer's.</param>
    public PeerRules(ImmutableArray<FilterRule> accept, ImmutableArray<FilterRule> send)
    {
        Accept = accept;
        Send = send;
        AcceptsAll = accept.Contains(FilterRule.Any);
        SendsAll = send.Contains(FilterRule.Any);
    }

    /// <summary>What the peer may open towards us.</summary>
    public ImmutableArray<FilterRule> Accept { get; }

    /// <summary>What we may open towards the peer.</summary>
    public ImmutableArray<FilterRule> Send { get; }

    /// <summary>Whether the peer may open anything.</summary>
    public bool AcceptsAll { get; }

    /// <summary>Whether we may open anything.</summary>
    public bool SendsAll { get; }

    /// <summary>Whether the peer may open this protocol towards this port of ours (-1: a protocol without ports).</summary>
    public bool Accepts(byte protocol, int port) => AcceptsAll || Matches(Accept, protocol, port);

    /// <summary>Whether we may open this protocol towards this port of the peer (-1: a protocol without ports).</summary>
    public bool Sends(byte protocol, int port) => SendsAll || Matches(Send, protocol, port);

    /// <summary>
    /// Compiles the grants of a map entry. A grant towards prefixes behind the receiver says nothing about the receiver itself, so it
    /// allows nothing here.
    /// </summary>
    public static PeerRules From(IEnumerable<Grant> accept, IEnumerable<Grant> send)
    {
        return new PeerRules([.. accept.SelectMany(Compile)], [.. send.SelectMany(Compile)]);

        static IEnumerable<FilterRule> Compile(Grant grant)
        {
            if (grant.Destinations is not null)
                return [];
            return grant.Ports is null
                ? [new FilterRule(grant.Protocol)]
                : grant.Ports.Select(range => new FilterRule(grant.Protocol, range.First, range.Last));
        }
    }

    static bool Matches(ImmutableArray<FilterRule> rules, byte protocol, int port)
    {
        foreach (var rule in rules.AsSpan())
        {
            if (rule.Allows(protocol, port))
                return true;
        }

        return false;
    }
}
