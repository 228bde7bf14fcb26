using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Registry;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Tests.Actors.Registry;

public sealed class EntityStateTests
{
    static readonly WallTime Now = new(1_700_000_000_000);
    static readonly NodeId Node = new(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 0, 5]));
    static readonly CredentialId First = new(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 0, 6]));
    static readonly CredentialId Second = new(new EntityId([0, 0, 0, 0, 0, 0, 0, 0, 0, 7]));
    static readonly EnrolledNode Laptop = new(Node, "laptop", default, default, "100.64.0.1", "fd00::1", "alice", [], "Laptop", "linux", "1.0");

    [Fact]
    public void A_node_is_registered_once_per_credential()
    {
        var state = Fold(NodeState.New, new RegisterNode(By("1"), First, Laptop));
        Assert.Empty(state.Decide(new RegisterNode(By("2"), First, Laptop), Now).Events);
        Assert.Single(state.Decide(new RegisterNode(By("3"), Second, Laptop), Now).Events);
    }

    [Fact]
    public void A_node_is_taken_out_once_and_a_late_registration_does_not_bring_it_back()
    {
        Assert.Equal(RefusalKind.NotFound, Refused(NodeState.New, new RevokeNode(By("1"), Node)).Kind);
        var revoked = Fold(Fold(NodeState.New, new RegisterNode(By("1"), First, Laptop)), new RevokeNode(By("2"), Node));
        Assert.Same(Accepted.Instance, revoked.Decide(new RevokeNode(By("2"), Node), Now).Reply);
        Assert.Equal(RefusalKind.Conflict, Refused(revoked, new RevokeNode(By("3"), Node)).Kind);
        Assert.Equal(RefusalKind.Conflict, Refused(revoked, new LogOutNode(By("4"), Node)).Kind);
        Assert.Empty(revoked.Decide(new RegisterNode(By("5"), First, Laptop), Now).Events);
        Assert.Single(Fold(revoked, new RegisterNode(By("6"), Second, Laptop)).Decide(new LogOutNode(By("7"), Node), Now).Events);
    }

    [Fact]
    public void A_node_id_stands_for_one_identity_for_ever()
    {
        var state = Fold(NodeState.New, new RegisterNode(By("1"), First, Laptop));
        var other = Laptop with { SigningKey = new SigningPublicKey([.. Enumerable.Repeat((byte)1, 32)]) };
        Assert.Equal("identity", Refused(state, new RegisterNode(By("2"), Second, other)).Code);
    }

    [Fact]
    public void A_node_is_approved_tagged_and_expired_only_while_it_is_in_the_network()
    {
        var none = NodeState.New;
        var gone = Fold(Fold(NodeState.New, new RegisterNode(By("1"), First, Laptop)), new RevokeNode(By("2"), Node));
        foreach (var state in (NodeState[])[none, gone])
        {
            foreach (var command in (IEntityCommand[])
                [new ApproveNode(By("3"), Node), new TagNode(By("4"), Node, null, ["ci"]), new SetNodeExpiry(By("5"), Node, null)])
                Assert.Equal(RefusalKind.NotFound, Refused(state, command).Kind);
        }
    }

    [Fact]
    public void Tags_are_set_once_and_own_or_a_user_does()
    {
        var state = Fold(NodeState.New, new RegisterNode(By("1"), First, Laptop));
        Assert.Equal(RefusalKind.Invalid, Refused(state, new TagNode(By("2"), Node, null, [])).Kind);
        Assert.Equal(RefusalKind.Invalid, Refused(state, new TagNode(By("3"), Node, "alice", ["ci"])).Kind);
        var tagged = Fold(state, new TagNode(By("4"), Node, null, ["ci"]));
        Assert.Empty(tagged.Decide(new TagNode(By("5"), Node, null, ["ci"]), Now).Events);
        Assert.Equal("tagged", Refused(tagged, new SetNodeExpiry(By("6"), Node, Now)).Code);
        // The tags are an admin's word: a user's credential does not take them away, and so the machine does not expire either.
        Assert.Single(tagged.Decide(new RegisterNode(By("7"), Second, Laptop, TimeSpan.FromDays(1)), Now).Events);
        Assert.Equal(2, Fold(tagged, new TagNode(By("8"), Node, "alice", [])).Decide(new RegisterNode(By("9"), Second, Laptop, TimeSpan.FromDays(1)), Now).Events.Count);
    }

    [Fact]
    public void A_users_node_expires_when_its_time_is_over_and_comes_back_by_joining_again()
    {
        var state = Fold(NodeState.New, new RegisterNode(By("1"), First, Laptop, TimeSpan.FromDays(1)));
        Assert.Empty(state.Decide(new ExpireNode(By("2"), Node), Now).Events);
        var expired = state.Decide(new ExpireNode(By("3"), Node), Now + TimeSpan.FromDays(1)).Events;
        Assert.IsType<NodeExpired>(Assert.Single(expired));
        state = expired.Aggregate(state, (one, happened) => one.Apply(happened));
        Assert.Empty(state.Decide(new ExpireNode(By("4"), Node), Now + TimeSpan.FromDays(2)).Events);
        var again = Fold(state, new RegisterNode(By("5"), Second, Laptop, TimeSpan.FromDays(1)));
        Assert.Empty(again.Decide(new ExpireNode(By("6"), Node), Now).Events);

        var atOnce = new SetNodeExpiry(By("7"), Node, Now);
        Assert.Equal(2, again.Decide(atOnce, Now).Events.Count);
        var over = Fold(again, atOnce);
        Assert.Empty(over.Decide(atOnce, Now).Events);
        Assert.Single(over.Decide(new SetNodeExpiry(By("8"), Node, null), Now).Events);
        var never = Fold(over, new SetNodeExpiry(By("8"), Node, null));
        Assert.Empty(never.Decide(new ExpireNode(By("9"), Node), Now + TimeSpan.FromDays(900)).Events);
    }

    [Fact]
    public void A_node_is_deleted_once_it_is_out_and_before_that_only_by_the_credential_it_came_with()
    {
        var state = Fold(NodeState.New, new RegisterNode(By("1"), First, Laptop));
        Assert.Equal("present", Refused(state, new DeleteNode(By("2"), Node)).Code);
        Assert.Equal("present", Refused(state, new DeleteNode(By("3"), Node, Second)).Code);
        Assert.Single(state.Decide(new DeleteNode(By("4"), Node, First), Now).Events);
        var gone = Fold(Fold(state, new RevokeNode(By("5"), Node)), new DeleteNode(By("6"), Node));
        Assert.Empty(gone.Decide(new DeleteNode(By("7"), Node), Now).Events);
        Assert.Equal(RefusalKind.NotFound, Refused(gone, new RevokeNode(By("8"), Node)).Kind);
    }

    [Fact]
    public void A_policy_that_has_machines_wait_is_one_that_older_programs_do_not_read()
    {
        var set = new SetPolicy(By("1"), "version: 1", PolicyDocument.Empty with { Approval = new PolicyApproval([]) });
        Assert.IsType<PolicySetV2>(Assert.Single(PolicyState.New.Decide(set, Now).Events));
        Assert.IsType<PolicySet>(Assert.Single(PolicyState.New.Decide(set with { Document = PolicyDocument.Empty }, Now).Events));
        Assert.Empty(Fold(PolicyState.New, set).Decide(set, Now).Events);
    }

    [Fact]
    public void A_user_is_created_once()
    {
        Assert.Equal(RefusalKind.Invalid, Refused(UserState.New, new CreateUser(By("1"), "Not A Name")).Kind);
        var alice = Fold(UserState.New, new CreateUser(By("1"), "alice"));
        Assert.Same(Accepted.Instance, alice.Decide(new CreateUser(By("1"), "alice"), Now).Reply);
        Assert.Equal(RefusalKind.Conflict, Refused(alice, new CreateUser(By("2"), "alice")).Kind);
    }

    [Fact]
    public void A_policy_that_is_set_already_is_not_written_again()
    {
        var set = Fold(PolicyState.New, new SetPolicy(By("1"), "version: 1", PolicyDocument.Empty));
        Assert.Empty(set.Decide(new SetPolicy(By("2"), "version: 1", PolicyDocument.Empty), Now).Events);
        Assert.Single(set.Decide(new SetPolicy(By("3"), "version: 1 # changed", PolicyDocument.Empty), Now).Events);
        Assert.Equal(RefusalKind.Invalid, Refused(set, new SetPolicy(By("4"), new string('x', 300_000), PolicyDocument.Empty)).Kind);
    }

    // The write of a command had an unknown outcome, and others were quicker than its second delivery.
    [Fact]
    public void What_a_command_wrote_is_not_written_again_over_what_came_after()
    {
        var policy = Fold(Fold(PolicyState.New, Set("1", "first")), Set("2", "second"));
        Assert.Empty(policy.Decide(Set("1", "first"), Now).Events);
        Assert.Same(Accepted.Instance, policy.Decide(Set("1", "first"), Now).Reply);
        Assert.Single(policy.Decide(Set("3", "first"), Now).Events);

        var back = Fold(
            Fold(Fold(NodeState.New, new RegisterNode(By("r1"), First, Laptop)), new RevokeNode(By("1"), Node)),
            new RegisterNode(By("r2"), Second, Laptop));
        Assert.Empty(back.Decide(new RevokeNode(By("1"), Node), Now).Events);
        Assert.Same(Accepted.Instance, back.Decide(new RevokeNode(By("1"), Node), Now).Reply);
        Assert.Single(back.Decide(new RevokeNode(By("2"), Node), Now).Events);

        static SetPolicy Set(string command, string text) => new(By(command), text, PolicyDocument.Empty);
    }

    [Fact]
    public void Commands_are_remembered_for_as_many_events_as_come_in_their_time_and_no_longer()
    {
        var written = Enumerable.Range(0, 300).Aggregate(WrittenCommands.None, (all, i) => all.With($"c{i}"));
        Assert.True(written.Contain(By("c299")) && written.Contain(By("c44")));
        Assert.False(written.Contain(By("c43")));
    }

    [Theory]
    [InlineData("100.64.0.0/10", "fd12::/48", "mesh.internal", true)]
    [InlineData("10.0.0.0/31", "fd12::/48", "mesh.internal", false)]
    [InlineData("10.0.0.0", "fd12::/48", "mesh.internal", false)]
    [InlineData("10.0.0.0/8", "fd12::/120", "mesh.internal", false)]
    [InlineData("10.0.0.0/8", "10.1.0.0/16", "mesh.internal", false)]
    [InlineData("10.0.0.0/8", "fd12::/48", "mesh..internal", false)]
    [InlineData("10.0.0.0/8", "fd12::/48", "", false)]
    public void A_network_has_ranges_that_can_be_used_and_a_zone(string ipv4, string ipv6, string zone, bool isGood) => Assert.Equal(
        isGood, NetworkState.New.Decide(new CreateNetwork(By("1"), default, default, zone, ipv4, ipv6), Now).Reply is Accepted);

    [Fact]
    public void A_controller_is_only_who_the_root_says_and_a_withdrawn_one_never_again()
    {
        var entropy = new SeededEntropy(3);
        var root = new SigningPrivateKey(entropy);
        var network = TypedId.Create<NetworkId>(entropy);
        var state = Fold(NetworkState.New, new CreateNetwork(By("1"), network, Ed25519.ComputePublicKey(root), "mesh.internal", "100.64.0.0/10", "fd12::/48"));
        var ours = new TestSigner(network, root, Now, entropy);
        var foreign = new TestSigner(network, new SigningPrivateKey(entropy), Now, entropy);
        Assert.Equal("foreign", Refused(state, new DelegateController(By("2"), foreign.Controller, foreign.Delegation, foreign.Authority, ["a.test:1"])).Code);
        Assert.Equal("foreign", Refused(state, new DelegateController(By("3"), foreign.Controller, ours.Delegation, ours.Authority, ["a.test:1"])).Code);
        Assert.Equal("foreign", Refused(state, new DelegateController(By("3"), ours.Controller, ours.Delegation, foreign.Authority, ["a.test:1"])).Code);
        Assert.Equal("foreign", Refused(state, new DelegateController(By("3"), ours.Controller, ours.Delegation, [1, 2, 3], ["a.test:1"])).Code);
        Assert.Equal("invalid", Refused(state, new DelegateController(By("4"), ours.Controller, ours.Delegation, ours.Authority, ["nonsense"])).Code);
        var delegated = Fold(state, new DelegateController(By("5"), ours.Controller, ours.Delegation, ours.Authority, ["a.test:1"]));
        Assert.Empty(delegated.Decide(new DelegateController(By("6"), ours.Controller, ours.Delegation, ours.Authority, ["a.test:1"]), Now).Events);
        Assert.Single(delegated.Decide(new DelegateController(By("7"), ours.Controller, ours.Delegation, ours.Authority, ["b.test:1"]), Now).Events);
        var withdrawn = Fold(delegated, new WithdrawController(By("8"), ours.Controller));
        Assert.Equal("withdrawn", Refused(withdrawn, new DelegateController(By("9"), ours.Controller, ours.Delegation, ours.Authority, ["a.test:1"])).Code);
    }

    [Fact]
    public void A_controller_recorded_without_its_authority_is_recorded_again_with_it_and_only_once()
    {
        var entropy = new SeededEntropy(4);
        var root = new SigningPrivateKey(entropy);
        var network = TypedId.Create<NetworkId>(entropy);
        var state = Fold(NetworkState.New, new CreateNetwork(By("1"), network, Ed25519.ComputePublicKey(root), "mesh.internal", "100.64.0.0/10", "fd12::/48"));
        var ours = new TestSigner(network, root, Now, entropy);
        var first = state.Apply(new ControllerDelegated("c", "system", Now, ours.Controller, ours.Delegation, ["a.test:1"]));
        var again = new DelegateController(By("2"), ours.Controller, ours.Delegation, ours.Authority, ["a.test:1"]);
        var written = Assert.IsType<ControllerDelegatedV2>(Assert.Single(first.Decide(again, Now).Events));
        Assert.Equal(ours.Authority, written.Authority);
        Assert.Empty(first.Apply(written).Decide(again with { Cause = By("3") }, Now).Events);
    }

    [Fact]
    public void A_network_goes_on_from_a_backup_only_under_a_newer_epoch_and_delegations_of_older_ones_end()
    {
        var entropy = new SeededEntropy(1);
        var (root, network) = (new SigningPrivateKey(entropy), TypedId.Create<NetworkId>(entropy));
        var (old, other, late) = (new TestSigner(network, root, Now, entropy), new TestSigner(network, root, Now, entropy), new TestSigner(network, root, Now, entropy, 3));
        Assert.Equal("no-network", Refused(NetworkState.New, Restore("1", 2)).Code);
        var state = Fold(NetworkState.New, new CreateNetwork(By("2"), network, Ed25519.ComputePublicKey(root), "mesh.internal", "100.64.0.0/10", "fd12::/48"));
        state = Fold(state, Delegate("3", old));
        Assert.Equal("old-epoch", Refused(state, Restore("4", 1)).Code);
        state = Fold(state, Restore("5", 3));
        Assert.Equal("old-epoch", Refused(state, Restore("6", 3)).Code);
        Assert.Equal("old-epoch", Refused(state, Delegate("7", old)).Code);
        Assert.Equal("old-epoch", Refused(state, Delegate("8", other)).Code);
        Fold(state, Delegate("9", late));

        RestoreNetwork Restore(string id, int epoch) => new(By(id), epoch, late.Controller, default, 7, Now, old.Controller);

        DelegateController Delegate(string id, TestSigner signer) => new(By(id), signer.Controller, signer.Delegation, signer.Authority, ["a.test:1"]);
    }

    static T Fold<T>(T state, IEntityCommand command) where T : IEntityState<T>
    {
        var events = state.Decide(command, Now).Events;
        Assert.NotEmpty(events);
        return events.Aggregate(state, (one, happened) => one.Apply(happened));
    }

    static Refusal Refused<T>(T state, IEntityCommand command) where T : IEntityState<T>
    {
        var decision = state.Decide(command, Now);
        Assert.Empty(decision.Events);
        return Assert.IsType<Refusal>(decision.Reply);
    }

    static Cause By(string command) => new("admin:root", command);
}
