using Mesh.Actors.Enrollment;
using Mesh.Actors.Events;
using Mesh.Actors.Registry;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Tests.Actors.Registry;
using Xunit.Abstractions;

namespace Mesh.Tests.Actors.Enrollment;

public sealed class AllocationStateTests(ITestOutputHelper output)
{
    static readonly AddressRanges Ranges = new("100.64.0.0/10", "fd12:3456:789a::/48");
    static readonly WallTime Now = new(1);

    [Fact]
    public void Gives_addresses_in_order_and_names_with_a_number_where_taken()
    {
        var state = AllocationState.New;
        var (first, second, third) = (Give(ref state, 1, 1, "Laptop"), Give(ref state, 2, 2, "laptop"), Give(ref state, 3, 3, "LAPTOP!"));
        Assert.Equal(("laptop", "100.64.0.1", "fd12:3456:789a::1"), (first.Name, first.Ipv4, first.Ipv6));
        Assert.Equal(("laptop-1", "100.64.0.2", "fd12:3456:789a::2"), (second.Name, second.Ipv4, second.Ipv6));
        Assert.Equal(("laptop-2", "100.64.0.3", "fd12:3456:789a::3"), (third.Name, third.Ipv4, third.Ipv6));
    }

    [Fact]
    public void Gives_one_reservation_to_a_credential_whoever_comes()
    {
        var state = AllocationState.New;
        var first = Give(ref state, credential: 1, machine: 1, "laptop");
        Assert.Equal(first, Give(ref state, credential: 1, machine: 1, "laptop"));
        Assert.Equal(first, Give(ref state, credential: 1, machine: 2, "laptop"));
        Assert.Equal("100.64.0.2", Give(ref state, credential: 2, machine: 1, "laptop").Ipv4);
    }

    // Two controllers race for one credential, each for a machine of its own; nobody here knows which of the two gets in.
    [Fact]
    public void Keeps_what_every_machine_was_told_where_several_come_with_one_credential()
    {
        var state = AllocationState.New;
        var first = Give(ref state, credential: 1, machine: 1, "a");
        var second = Give(ref state, credential: 1, machine: 2, "b");
        Assert.Equal((first.Node, first.Ipv4, "b"), (second.Node, second.Ipv4, second.Name));
        Assert.Equal("a-1", Give(ref state, credential: 2, machine: 3, "a").Name);
        Assert.Equal("b-1", Give(ref state, credential: 3, machine: 4, "b").Name);
        // Asked again, each is told the same.
        Assert.Equal(first, Give(ref state, credential: 1, machine: 1, "a"));
        Assert.Equal(second, Give(ref state, credential: 1, machine: 2, "b"));
        // Neither has the node for certain, unless the projection knows; and then the other's name is free.
        var lost = Give(ref state, credential: 4, machine: 2, "b");
        Assert.Equal(("b-2", "100.64.0.4"), (lost.Name, lost.Ipv4));
        var decision = state.Decide(Reserve(5, 1, "a") with { Registered = first.Node }, Now);
        Assert.Equal(first, decision.Reply);
        state = Fold(state, decision);
        Assert.Equal("b", Give(ref state, credential: 6, machine: 5, "b").Name);
        // Leaving frees it all.
        state = Free(state, 1, 5);
        Assert.Equal("a", Give(ref state, credential: 7, machine: 6, "a").Name);
    }

    [Fact]
    public void Frees_the_names_of_all_who_may_have_been_a_node_that_leaves()
    {
        var state = AllocationState.New;
        Give(ref state, credential: 1, machine: 1, "a");
        Give(ref state, credential: 1, machine: 2, "b");
        state = Free(state, 1, 1);
        Assert.Equal("a", Give(ref state, credential: 2, machine: 3, "a").Name);
        Assert.Equal("b", Give(ref state, credential: 3, machine: 4, "b").Name);
        Assert.Equal("100.64.0.4", Give(ref state, credential: 4, machine: 1, "c").Ipv4);
    }

    [Fact]
    public void Keeps_what_a_present_machine_has_when_it_joins_again()
    {
        var state = AllocationState.New;
        var first = Give(ref state, credential: 1, machine: 1, "laptop");
        var again = Give(ref state, credential: 2, machine: 1, "renamed");
        Assert.Equal(first, again);
    }

    [Fact]
    public void Never_lets_a_stolen_second_credential_take_over_a_present_machine()
    {
        var state = AllocationState.New;
        var owner = Give(ref state, credential: 1, machine: 1, "laptop");
        Give(ref state, credential: 2, machine: 1, "laptop");
        var other = Give(ref state, credential: 2, machine: 2, "laptop");
        Assert.NotEqual(owner.Node, other.Node);
        Assert.NotEqual(owner.Ipv4, other.Ipv4);
    }

    [Fact]
    public void Gives_everything_anew_where_what_is_known_went_to_another_machine()
    {
        var state = AllocationState.New;
        var first = Give(ref state, credential: 1, machine: 1, "laptop");
        var decision = state.Decide(Reserve(2, 1, "laptop") with { Anew = true }, Now);
        state = Fold(state, decision);
        var second = Assert.IsType<Reservation>(decision.Reply);
        Assert.NotEqual(first.Node, second.Node);
        Assert.Equal(("laptop-1", "100.64.0.2"), (second.Name, second.Ipv4));
        state = Free(state, 1, 1);
        Assert.Equal(second, Give(ref state, credential: 3, machine: 1, "laptop"));
    }

    [Fact]
    public void Refuses_a_tunnel_key_that_another_present_machine_has()
    {
        var state = AllocationState.New;
        Give(ref state, credential: 1, machine: 1, "laptop");
        var copied = Reserve(2, 2, "thief") with { TunnelKey = Reserve(1, 1, "").TunnelKey };
        Assert.Equal(AllocationState.KeyInUse, Assert.IsType<Refusal>(state.Decide(copied, Now).Reply).Code);
        state = Free(state, 1, 1);
        Assert.IsType<Reservation>(state.Decide(copied, Now).Reply);
    }

    [Fact]
    public void Gives_a_freed_name_only_to_the_same_owner_and_an_address_to_nobody()
    {
        var state = AllocationState.New;
        var gone = Give(ref state, credential: 1, machine: 1, "db");
        state = Free(state, 1, 1);
        var foreign = Give(ref state, credential: 2, machine: 2, "db", owner: "mallory");
        Assert.Equal("db-1", foreign.Name);
        var back = Give(ref state, credential: 3, machine: 1, "db");
        Assert.Equal("db", back.Name);
        Assert.NotEqual(gone.Node, back.Node);
        Assert.Equal("100.64.0.3", back.Ipv4);
    }

    [Fact]
    public void Does_not_free_a_machine_that_is_joining_again()
    {
        var state = AllocationState.New;
        Give(ref state, credential: 1, machine: 1, "laptop");
        Give(ref state, credential: 2, machine: 1, "laptop");
        Assert.Empty(state.Decide(new ReleaseAllocation(By("r"), Node(1), Credential(1)), Now).Events);
    }

    [Fact]
    public void Says_when_a_range_is_used_up()
    {
        var state = AllocationState.New;
        var small = new AddressRanges("10.0.0.0/30", "fd00::/64");
        Assert.Equal("10.0.0.1", Give(ref state, 1, 1, "a", ranges: small).Ipv4);
        Assert.Equal("10.0.0.2", Give(ref state, 2, 2, "b", ranges: small).Ipv4);
        var refusal = Assert.IsType<Refusal>(state.Decide(Reserve(3, 3, "c") with { Ranges = small }, Now).Reply);
        Assert.Equal(RefusalCodes.Exhausted, refusal.Code);
    }

    [Fact]
    public void Sets_something_aside_for_each_machine_of_one_credential()
    {
        var state = AllocationState.New;
        var first = Give(ref state, credential: 1, machine: 1, "ci");
        var second = Assert.IsType<Reservation>(Carry(ref state, Reserve(1, 2, "ci") with { Fresh = Node(2), Used = [first.Node] }));
        Assert.Equal(("ci-1", "100.64.0.2"), (second.Name, second.Ipv4));
        // Nobody has used the second one yet: the next machine takes it over.
        Assert.Equal(second, Carry(ref state, Reserve(1, 3, "ci") with { Fresh = Node(3), Used = [first.Node] }));
        var stolen = Reserve(1, 4, "ci") with { Fresh = Node(4), Used = [first.Node, second.Node], TunnelKey = Reserve(1, 1, "").TunnelKey };
        Assert.Equal(AllocationState.KeyInUse, Assert.IsType<Refusal>(state.Decide(stolen, Now).Reply).Code);
    }

    [Fact]
    public void Believes_the_projection_that_a_machine_is_there_where_a_lost_race_says_otherwise()
    {
        var state = AllocationState.New;
        var winner = Give(ref state, credential: 1, machine: 1, "db");
        Give(ref state, credential: 1, machine: 2, "db");
        Assert.Equal(winner, Carry(ref state, Reserve(2, 1, "db") with { Registered = winner.Node }));
    }

    [Fact]
    public void Renames_at_once_and_holds_the_old_name_for_its_owner()
    {
        var state = AllocationState.New;
        var (first, second) = (Give(ref state, 1, 1, "db"), Give(ref state, 2, 2, "web"));
        Assert.Equal("name-taken", Assert.IsType<Refusal>(Carry(ref state, new RenameAllocation(By("r1"), first.Node, "web"))).Code);
        Assert.Same(Accepted.Instance, Carry(ref state, new RenameAllocation(By("r2"), first.Node, "main")));
        Assert.Empty(state.Decide(new RenameAllocation(By("r2"), first.Node, "main"), Now).Events);
        Assert.Equal("main", Give(ref state, credential: 3, machine: 1, "db").Name);
        Assert.Equal("db-1", Give(ref state, credential: 4, machine: 4, "db", owner: "mallory").Name);
        Assert.Equal("main-1", Give(ref state, credential: 5, machine: 5, "main").Name);
        Assert.Equal("db", Give(ref state, credential: 6, machine: 6, "db").Name);
        // An admin who names the name of a node that is gone means it.
        state = Fold(state, state.Decide(new ReleaseAllocation(By("free"), first.Node, Credential(3)), Now));
        Assert.Same(Accepted.Instance, Carry(ref state, new RenameAllocation(By("r3"), second.Node, "main")));
        Assert.Equal(RefusalKind.NotFound, Assert.IsType<Refusal>(Carry(ref state, new RenameAllocation(By("r4"), first.Node, "x"))).Kind);
    }

    [Fact]
    public void Rotates_a_tunnel_key_once_and_only_from_the_one_that_the_node_has()
    {
        var state = AllocationState.New;
        var (first, second) = (Give(ref state, 1, 1, "db"), Give(ref state, 2, 2, "web"));
        var (before, after) = (TunnelKey(1), TunnelKey(10));
        var rotate = new RotateAllocation(By("r1"), first.Node, SigningKey(1), before, after);
        var decision = state.Decide(rotate, Now);
        Assert.Equal(new NodeRotated("r1", "system", Now, first.Node, SigningKey(1), before, after), Assert.Single(decision.Events));
        state = Fold(state, decision);

        // Delivered again, or asked for again where the answer was lost, it is done already.
        Assert.Equal(Decision.Answer(Accepted.Instance), state.Decide(rotate, Now) with { Events = [] });
        Assert.Empty(state.Decide(rotate with { Cause = By("r2") }, Now).Events);
        Assert.Same(Accepted.Instance, Carry(ref state, new RotateAllocation(By("r3"), first.Node, SigningKey(1), after, TunnelKey(11))));
        // The first one, come late by another way, does not bring back a key that is zeroed.
        Assert.Equal(AllocationState.KeyChanged, Assert.IsType<Refusal>(Carry(ref state, rotate)).Code);
        Assert.Equal(AllocationState.KeyInUse, Assert.IsType<Refusal>(Carry(ref state, rotate with { FormerKey = TunnelKey(11), TunnelKey = TunnelKey(2) })).Code);
        Assert.Equal(AllocationState.KeyInUse, Assert.IsType<Refusal>(state.Decide(Reserve(3, 3, "x") with { TunnelKey = TunnelKey(11) }, Now).Reply).Code);
        // The keys that it had are free, for it and for others.
        Assert.Same(Accepted.Instance, Carry(ref state, new RotateAllocation(By("r4"), second.Node, SigningKey(2), TunnelKey(2), after)));
        Assert.IsType<Reservation>(Carry(ref state, Reserve(4, 4, "y") with { TunnelKey = before }));
        // Joining again it is the same node; with the same credential nothing is written.
        Assert.Empty(state.Decide(Reserve(1, 1, "db") with { TunnelKey = TunnelKey(11) }, Now).Events);
        Assert.Equal(first, Carry(ref state, Reserve(5, 1, "db") with { TunnelKey = TunnelKey(11) }));
        // Not another identity's, and not where the node is gone.
        Assert.Equal(RefusalKind.NotFound, Assert.IsType<Refusal>(Carry(ref state, rotate with { SigningKey = SigningKey(2) })).Kind);
        state = Fold(state, state.Decide(new ReleaseAllocation(By("free"), first.Node, Credential(5)), Now));
        Assert.Equal(RefusalKind.NotFound, Assert.IsType<Refusal>(Carry(ref state, rotate with { FormerKey = TunnelKey(11) })).Kind);
        Assert.IsType<Reservation>(Carry(ref state, Reserve(6, 6, "z") with { TunnelKey = TunnelKey(11) }));
    }

    static SigningPublicKey SigningKey(int machine) => new(Bytes(machine, 1));

    static TunnelPublicKey TunnelKey(int machine) => new(Bytes(machine, 2));

    static object Carry(ref AllocationState state, IEntityCommand command)
    {
        var decision = state.Decide(command, Now);
        state = Fold(state, decision);
        return decision.Reply;
    }

    [Theory]
    [InlineData("100.99.255.255", "100.100.1.0")]
    [InlineData("100.100.99.255", "100.100.101.0")]
    [InlineData("100.115.91.255", "100.115.94.0")]
    public void Leaves_out_blocks_that_other_software_claims(string highest, string next)
    {
        Assert.True(Ranges.TryNext(AddressRanges.ToNumber(highest), out var ipv4, out _));
        Assert.Equal(next, ipv4);
    }

    [Fact]
    public void Never_gives_a_name_or_an_address_to_two_whatever_the_order()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var state = AllocationState.New;
        var addresses = new Dictionary<string, NodeId>();
        var present = new Dictionary<NodeId, (HashSet<string> Names, CredentialId Credential)>();
        for (var i = 0; i < 3000; i++)
        {
            if (present.Count > 0 && random.Next(3) == 0)
            {
                var (node, held) = present.ElementAt(random.Next(present.Count));
                var release = state.Decide(new ReleaseAllocation(By($"r{i}"), node, held.Credential), Now);
                state = Fold(state, release);
                if (release.Events.Count > 0)
                    present.Remove(node);
                continue;
            }
            if (present.Count > 0 && random.Next(5) == 0)
            {
                var (node, held) = present.ElementAt(random.Next(present.Count));
                var name = "host" + random.Next(8);
                var rename = state.Decide(new RenameAllocation(By($"n{i}"), node, name), Now);
                state = Fold(state, rename);
                if (rename.Reply is Accepted)
                    present[node] = (new(StringComparer.Ordinal) { name }, held.Credential);
                Assert.Equal(present.Values.Sum(one => one.Names.Count), present.Values.SelectMany(one => one.Names).Distinct().Count());
                continue;
            }
            var reserve = Reserve(random.Next(1, 400), random.Next(1, 60), "host" + random.Next(5), random.Next(2) == 0 ? "alice" : "bob") with { Fresh = Node(10_000 + i) };
            var decision = state.Decide(reserve, Now);
            state = Fold(state, decision);
            if (decision.Reply is not Reservation given)
                continue;
            Assert.True(addresses.TryAdd(given.Ipv4, given.Node) || addresses[given.Ipv4] == given.Node);
            Assert.True(addresses.TryAdd(given.Ipv6, given.Node) || addresses[given.Ipv6] == given.Node);
            if (present.TryGetValue(given.Node, out var before) && before.Credential == reserve.Credential)
                before.Names.Add(given.Name);
            else
                present[given.Node] = (new(StringComparer.Ordinal) { given.Name }, reserve.Credential);
            Assert.Equal(present.Values.Sum(one => one.Names.Count), present.Values.SelectMany(one => one.Names).Distinct().Count());
        }
    }

    static Reservation Give(ref AllocationState state, int credential, int machine, string hostname, string owner = "alice", AddressRanges? ranges = null)
    {
        var decision = state.Decide(Reserve(credential, machine, hostname, owner) with { Ranges = ranges ?? Ranges }, Now);
        state = Fold(state, decision);
        return Assert.IsType<Reservation>(decision.Reply);
    }

    static AllocationState Free(AllocationState state, int node, int credential) =>
        Fold(state, state.Decide(new ReleaseAllocation(By("free"), Node(node), Credential(credential)), Now));

    static AllocationState Fold(AllocationState state, Decision decision) => decision.Events.Aggregate(state, (one, happened) => one.Apply(happened));

    static ReserveAllocation Reserve(int credential, int machine, string hostname, string owner = "alice") => new(
        By($"c{credential}m{machine}"), Credential(credential), Node(credential), hostname, new SigningPublicKey(Bytes(machine, 1)),
        new TunnelPublicKey(Bytes(machine, 2)), owner, [], Ranges);

    static NodeId Node(int number) => new(Id(number, 1));

    static CredentialId Credential(int number) => new(Id(number, 2));

    static EntityId Id(int number, byte kind) => new([0, 0, 0, 0, 0, kind, (byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number]);

    static byte[] Bytes(int number, byte kind) => [.. BitConverter.GetBytes(number), .. Enumerable.Repeat(kind, 28)];

    static Cause By(string command) => new("system", command);
}
