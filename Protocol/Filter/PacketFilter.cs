using Mesh.Protocol.Time;

namespace Mesh.Protocol.Filter;

/// <summary>What the filter decides.</summary>
public enum FilterVerdict : byte
{
    /// <summary>The packet may go on.</summary>
    Pass,

    /// <summary>Not an IP packet that can be read whole.</summary>
    Malformed,

    /// <summary>From the peer, and neither accepted by a rule nor an answer to anything.</summary>
    NotAccepted,

    /// <summary>To the peer, and neither allowed by a rule nor an answer to anything.</summary>
    NotAllowedToSend,

    /// <summary>A later fragment whose first one has not passed.</summary>
    FragmentWithoutFirst,
}

/// <summary>
/// Decides, statefully, which inner packets pass between this node and a peer. Default deny. A packet passes when a rule lets its sender open
/// that flow, or when it answers a flow that the other side opened under a rule that still stands: a rule taken away cuts its flows at
/// once. ICMP errors pass when they are about a flow that passes. Safe for concurrent use; allocates nothing.
/// </summary>
public sealed class PacketFilter
{
    const byte TcpFin = 1, TcpRst = 4;

    readonly FlowTable _flows;

    /// <param name="flows">The memory of flows, shared by all peers.</param>
    public PacketFilter(FlowTable flows) => _flows = flows;

    /// <summary>The memory of flows.</summary>
    public FlowTable Flows => _flows;

    /// <summary>Decides on a packet from the peer.</summary>
    /// <param name="packet">A whole inner packet, decrypted.</param>
    /// <param name="peer">Number of the peer.</param>
    /// <param name="rules">The peer's rules.</param>
    /// <param name="now">Time of the packet.</param>
    public FilterVerdict Inbound(ReadOnlySpan<byte> packet, int peer, PeerRules rules, Instant now)
    {
        if (!InnerPacket.TryRead(packet, out var inner))
            return FilterVerdict.Malformed;
        if (rules.AcceptsAll && rules.SendsAll)
            return FilterVerdict.Pass;
        return Decide(packet, inner, peer, rules, FlowOpener.Remote, now);
    }

    /// <summary>Decides on a packet to the peer.</summary>
    /// <inheritdoc cref="Inbound"/>
    public FilterVerdict Outbound(ReadOnlySpan<byte> packet, int peer, PeerRules rules, Instant now)
    {
        if (rules.AcceptsAll && rules.SendsAll)
            return FilterVerdict.Pass;
        if (!InnerPacket.TryRead(packet, out var inner))
            return FilterVerdict.Malformed;
        return Decide(packet, inner, peer, rules, FlowOpener.Local, now);
    }

    FilterVerdict Decide(ReadOnlySpan<byte> packet, in InnerPacket inner, int peer, PeerRules rules, FlowOpener sender, Instant now)
    {
        var refusal = sender == FlowOpener.Remote ? FilterVerdict.NotAccepted : FilterVerdict.NotAllowedToSend;
        switch (inner.Kind)
        {
            case InnerKind.LaterFragment:
                return Allows(rules, sender, inner.Protocol, -1) || _flows.Touch(FragmentKey(inner, peer, sender), reply: false, closing: false, now)
                    ? FilterVerdict.Pass : FilterVerdict.FragmentWithoutFirst;
            case InnerKind.IcmpError:
                return Allows(rules, sender, inner.Protocol, -1) || IsAboutKnownFlow(packet, inner, peer, rules, sender, now)
                    ? FilterVerdict.Pass : refusal;
        }

        var closing = (inner.TcpFlags & (TcpFin | TcpRst)) != 0;
        var other = sender == FlowOpener.Remote ? FlowOpener.Local : FlowOpener.Remote;
        var passes = false;
        // An echo reply opens nothing: with a rule for ICMP it passes, else only as the answer to a request.
        if (Allows(rules, sender, inner.Protocol, inner.RulePort))
        {
            passes = true;
            // Answers need no memory where the other side may send anything anyway.
            if (inner.Kind != InnerKind.EchoReply && !AllowsAll(rules, other))
                _flows.Open(Key(inner, peer, sender, opener: sender), closing, now);
        }

        if (!passes && inner.Kind != InnerKind.EchoRequest)
        {
            var answered = inner.Kind == InnerKind.Ports ? inner.SourcePort : -1;
            passes = Allows(rules, other, inner.Protocol, answered) &&
                _flows.Touch(Key(inner, peer, sender, opener: other), reply: true, closing, now);
        }

        if (!passes)
            return refusal;
        if (inner.FirstFragment && !AllowsAll(rules, sender))
            _flows.Open(FragmentKey(inner, peer, sender), closing: false, now);
        return FilterVerdict.Pass;
    }

    bool IsAboutKnownFlow(ReadOnlySpan<byte> packet, in InnerPacket error, int peer, PeerRules rules, FlowOpener sender, Instant now)
    {
        if (error.EmbeddedOffset >= packet.Length || !InnerPacket.TryReadEmbedded(packet[error.EmbeddedOffset..], out var about) ||
            about.IsV6 != error.IsV6 || about.Kind is InnerKind.LaterFragment or InnerKind.IcmpError)
            return false;
        // The embedded packet travelled the other way, to whoever sends the error now. (The error itself may come from a router before it.)
        var embeddedSender = sender == FlowOpener.Remote ? FlowOpener.Local : FlowOpener.Remote;
        return Stands(about, embeddedSender) || Stands(about, sender);

        bool Stands(in InnerPacket flow, FlowOpener opener)
        {
            // The port under the opener's rule is the one of whoever did not open.
            var port = flow.Kind != InnerKind.Ports ? -1 : opener == embeddedSender ? flow.DestinationPort : flow.SourcePort;
            return Allows(rules, opener, flow.Protocol, port) &&
                (AllowsAll(rules, opener == FlowOpener.Local ? FlowOpener.Remote : FlowOpener.Local) ||
                 _flows.Knows(Key(flow, peer, embeddedSender, opener), now));
        }
    }

    static bool Allows(PeerRules rules, FlowOpener opener, byte protocol, int port) =>
        opener == FlowOpener.Remote ? rules.Accepts(protocol, port) : rules.Sends(protocol, port);

    static bool AllowsAll(PeerRules rules, FlowOpener opener) => opener == FlowOpener.Remote ? rules.AcceptsAll : rules.SendsAll;

    static FlowKey Key(in InnerPacket inner, int peer, FlowOpener sender, FlowOpener opener)
    {
        var tag = (byte)((opener == FlowOpener.Remote ? FlowTag.OpenedByRemote : 0) | (inner.IsV6 ? FlowTag.V6 : 0));
        return sender == FlowOpener.Remote
            ? new FlowKey(peer, inner.Destination, inner.Source, inner.DestinationPort, inner.SourcePort, inner.Protocol, tag)
            : new FlowKey(peer, inner.Source, inner.Destination, inner.SourcePort, inner.DestinationPort, inner.Protocol, tag);
    }

    static FlowKey FragmentKey(in InnerPacket inner, int peer, FlowOpener sender)
    {
        var tag = (byte)(FlowTag.Fragment | (sender == FlowOpener.Remote ? FlowTag.OpenedByRemote : 0) | (inner.IsV6 ? FlowTag.V6 : 0));
        return new FlowKey(peer, inner.Source, inner.Destination, (ushort)(inner.FragmentId >> 16), (ushort)inner.FragmentId, inner.Protocol, tag);
    }
}
