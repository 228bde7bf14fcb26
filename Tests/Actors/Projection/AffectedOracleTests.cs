using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Projection;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.Actors.Projection;

/// <summary>
/// Holds, over random changes, what the whole distribution of maps rests on: a change names exactly the nodes whose body differs, the
/// bodies are those that the facts give when everything is computed anew, and the delta that a node is sent leads from its old body to
/// its new one. <c>MESH_FULL=1</c>: 10,000 changes; <c>MESH_SEED</c>: the seed to repeat.
/// </summary>
public sealed class AffectedOracleTests(ITestOutputHelper output)
{
    static readonly WallTime At = new(1_700_000_000_000);

    [Fact]
    public void Names_exactly_the_nodes_whose_body_differs_and_leads_each_to_its_new_one()
    {
        var changes = Requirements.Full ? 10_000 : 300;
        var seed = int.TryParse(Environment.GetEnvironmentVariable("MESH_SEED"), out var given) ? given : Environment.TickCount;
        output.WriteLine($"{changes} changes, MESH_SEED={seed}");
        var draw = new Changes(new Random(seed));
        var view = NetworkView.Empty.Apply(1, new NetworkCreated("c", "system", At, new NetworkId(Changes.Id(1)), default, "mesh.internal", "100.64.0.0/10", "fd00::/48")).View;
        var bodies = new Dictionary<NodeId, (MapBody Body, byte[] Bytes)>();
        var encoded = new Dictionary<NodeId, EncodedBody>();
        var (differing, deltas) = (0, 0);
        for (var i = 0; i < changes; i++)
        {
            var happened = draw.Next(view);
            var change = view.Apply(view.Revision + 1, happened);
            view = change.View;
            var now = PlainNetwork.Bodies(view).ToDictionary(pair => pair.Key, pair => (Body: pair.Value, Bytes: ProtocolJson.Encode(pair.Value, ProtocolJson.Default.MapBody)));
            var expected = bodies.Keys.Union(now.Keys)
                .Where(node => !bodies.TryGetValue(node, out var old) || !now.TryGetValue(node, out var body) || !old.Bytes.AsSpan().SequenceEqual(body.Bytes))
                .ToHashSet();
            Assert.True(expected.SetEquals(change.Affected), $"change {i}, {happened}: missing {string.Join(' ', expected.Except(change.Affected))}, too many {string.Join(' ', change.Affected.Except(expected))}");
            differing += expected.Count;

            // Every body, also of those that are said to be as before, is what the facts give.
            var all = view.Present.ToDictionary(node => node, node => view.EncodedBodyFor(node)!);
            Assert.Equal(now.Keys.Count, all.Count);
            foreach (var (node, body) in all)
                Assert.True(now[node].Bytes.AsSpan().SequenceEqual(body.Encode()), $"change {i}, {happened}: the body of {node} is not what the facts give");
            foreach (var node in expected.Where(node => bodies.ContainsKey(node) && now.ContainsKey(node)))
            {
                Assert.True(ProtocolJson.TryDecode(all[node].EncodeDelta(encoded[node], out _), ProtocolJson.Default.MapLeaf, out var leaf));
                Assert.True(MapChange.TryApply(bodies[node].Body, leaf.Delta!, out var result));
                Assert.Equal(now[node].Bytes, ProtocolJson.Encode(result, ProtocolJson.Default.MapBody));
                deltas++;
            }
            (bodies, encoded) = (now, all);
        }
        output.WriteLine($"{differing} bodies differed, {deltas} deltas applied, {view.Present.Count} nodes at the end; kinds: {draw.Kinds}");
        Assert.True(differing > changes, $"only {differing} bodies differed");
    }

    /// <summary>Draws what may happen next: joins, joins again with other keys, tags, names or owners, approval, expiry, removals, policies, controllers.</summary>
    sealed class Changes(Random random)
    {
        static readonly string[] Users = ["alice", "bob", "carol", "dave"];
        static readonly string[] Tags = ["server", "ci", "db", "web"];
        readonly SortedDictionary<string, int> _kinds = new(StringComparer.Ordinal);
        int _number;
        PolicyDocument _policy = PolicyDocument.Empty;

        public string Kinds => string.Join(", ", _kinds.Select(pair => $"{pair.Key} {pair.Value}"));

        public static EntityId Id(int number) => new([0, 0, 0, 0, 0, 0, 1, (byte)(number >> 16), (byte)(number >> 8), (byte)number]);

        public INetworkEvent Next(NetworkView view)
        {
            var happened = Draw(view);
            _kinds[happened.GetType().Name] = _kinds.GetValueOrDefault(happened.GetType().Name) + 1;
            return happened;
        }

        INetworkEvent Draw(NetworkView view)
        {
            _number++;
            var present = view.Present.OrderBy(node => node.ToString(), StringComparer.Ordinal).ToList();
            var gone = view.Nodes.Values.Where(node => !node.IsPresent).OrderBy(node => node.IdText, StringComparer.Ordinal).ToList();
            switch (random.Next(28))
            {
                case 20 when present.Count > 0:
                    return new NodeRenamed("c", "admin:root", At, Pick(present), $"a{_number}");
                case 26 or 27 when present.Count > 0:
                    var rotating = view.Nodes[Pick(present)].Node;
                    return new NodeRotated("c", "node:x", At, rotating.Id, rotating.SigningKey, rotating.TunnelKey, new TunnelPublicKey(Bytes()));
                case 21 when present.Count > 0:
                    string[] tags = [.. Tags.Where(_ => random.Next(2) == 0)];
                    return new NodeTagged("c", "admin:root", At, Pick(present), tags.Length == 0 ? Pick(Users) : null, tags);
                case 22 when present.Count > 0:
                    return random.Next(2) == 0
                        ? new NodeExpired("c", "system", At, Pick(present))
                        : new NodeExpirySet("c", "admin:root", At, Pick(present), random.Next(2) == 0 ? At + TimeSpan.FromHours(random.Next(3)) : null);
                case 23 or 24 when present.Count > 0:
                    return new NodeApproved("c", "admin:root", At, view.Waiting.IsEmpty ? Pick(present) : view.Waiting.OrderBy(id => id.ToString(), StringComparer.Ordinal).First());
                case 25 when present.Count > 5:
                    return new NodeDeleted("c", "admin:root", At, Pick(view.Nodes.Keys.OrderBy(id => id.ToString(), StringComparer.Ordinal).ToList()));
                case < 5 when present.Count < 30:
                    return Registered(Node(new NodeId(Id(1000 + _number)), $"n{_number}"));
                case 5 when gone.Count > 0:
                    // A machine that was taken out joins again.
                    return Registered(Node(Pick(gone).Id, $"n{_number}"));
                case < 10 when present.Count > 0:
                    return Registered(Again(view.Nodes[Pick(present)].Node));
                case < 12 when present.Count > 5:
                    return random.Next(2) == 0
                        ? new NodeRevoked("c", "admin:root", At, Pick(present))
                        : new NodeLoggedOut("c", "node:x", At, Pick(present));
                case < 14 when view.Nodes.Count > 0:
                    return new NodeAnnounced("c", "system", At, Pick(view.Nodes.Keys.OrderBy(id => id.ToString(), StringComparer.Ordinal).ToList()), [.. new[] { "aes-256-gcm", "later" }.Where(_ => random.Next(2) == 0)]);
                case 14:
                    return random.Next(5) switch
                    {
                        3 => new HistoryPruned("c", "system", At, At + TimeSpan.FromMinutes(random.Next(2))),
                        0 => new UserCreated("c", "admin:root", At, $"u{_number}"),
                        1 when gone.Count > 0 => new AllocationReleased("c", "system", At, Pick(gone).Id),
                        _ => new CredentialCreated("c", "admin:root", At, new CredentialId(Id(_number)), default, "alice", [], At),
                    };
                case 15:
                    return random.Next(4) == 0
                        ? new ControllerWithdrawn("c", "system", At, new ControllerId(Id(500 + random.Next(4))))
                        : new ControllerDelegated("c", "system", At, new ControllerId(Id(500 + random.Next(4))), new DsseEnvelope(PayloadTypes.Delegation, [1], []), [$"c{random.Next(2)}.test:1"]);
                default:
                    return new PolicySet("c", "admin:root", At, "text", _policy = Policy(view, present));
            }
        }

        // One part of the policy changes at a time: that is what an admin does, and what has the smallest effect.
        PolicyDocument Policy(NetworkView view, List<NodeId> present)
        {
            var rules = _policy.Allow.ToList();
            var groups = _policy.Groups.Count == 0 ? [.. Enumerable.Range(0, 2).Select(i => new PolicyGroup($"g{i}", []))] : _policy.Groups.ToList();
            switch (random.Next(6))
            {
                case 0 when rules.Count > 0:
                    rules.RemoveAt(random.Next(rules.Count));
                    break;
                case 1 when rules.Count > 0:
                    var at = random.Next(rules.Count);
                    rules[at] = random.Next(2) == 0 ? rules[at] with { From = Side() } : rules[at] with { To = Side() };
                    break;
                case 2:
                    var group = random.Next(groups.Count);
                    groups[group] = groups[group] with { Members = [.. Users.Where(_ => random.Next(2) == 0)] };
                    break;
                case 3 when rules.Count > 0:
                    rules.Add(Pick(rules));
                    break;
                default:
                    if (rules.Count < 8)
                        rules.Add(new PolicyRule(Side(), Side()));
                    else
                        rules.RemoveAt(0);
                    break;
            }
            var approval = random.Next(3) != 0 ? _policy.Approval
                : random.Next(2) == 0 ? null : new PolicyApproval([.. Side().Where(one => !one.StartsWith("node:", StringComparison.Ordinal))]);
            return new PolicyDocument(1, groups, [], rules, approval);

            string[] Side() => [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.Next(14) switch
            {
                0 => "*",
                < 4 => "user:" + Pick(Users),
                < 8 => "tag:" + Pick(Tags),
                < 10 => "group:g" + random.Next(3),
                _ => present.Count == 0 ? "node:none" : "node:" + view.Nodes[Pick(present)].Name,
            }).Distinct()];
        }

        EnrolledNode Node(NodeId id, string name)
        {
            string[] tags = random.Next(3) == 0 ? [.. Tags.Where(_ => random.Next(2) == 0)] : [];
            return new EnrolledNode(
                id, name, new SigningPublicKey(Bytes()), new TunnelPublicKey(Bytes()), $"100.64.{_number >> 8}.{_number & 255}", $"fd00::{_number:x}",
                tags.Length == 0 ? Pick(Users) : null, tags, name, random.Next(2) == 0 ? "linux" : "windows", "1.0");
        }

        EnrolledNode Again(EnrolledNode node) => random.Next(7) switch
        {
            0 => node,
            1 => node with { TunnelKey = new TunnelPublicKey(Bytes()) },
            2 => node with { Os = node.Os == "linux" ? "windows" : "linux" },
            3 => node with { Name = $"r{_number}" },
            4 => node with { Version = "2.0", Hostname = "other" },
            5 => node with { Tags = [.. Tags.Where(_ => random.Next(2) == 0)] },
            _ => Node(node.Id, node.Name),
        };

        NodeRegistered Registered(EnrolledNode node) => new("c", "system", At, new CredentialId(Id(_number)), node);

        byte[] Bytes()
        {
            var bytes = new byte[32];
            random.NextBytes(bytes);
            return bytes;
        }

        T Pick<T>(IReadOnlyList<T> list) => list[random.Next(list.Count)];
    }
}
