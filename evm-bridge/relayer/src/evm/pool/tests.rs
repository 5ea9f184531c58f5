use super::*;
use crate::evm::{
	abi::Gateway,
	fake::{self, FakeEndpoint, FakeEvm},
};
use alloy::sol_types::SolCall;

fn pool(count: usize, agree: Option<usize>) -> (FakeEvm, Vec<Arc<FakeEndpoint>>, Pool) {
	let evm = FakeEvm::default();
	evm.mine_empty(20);
	let endpoints: Vec<_> = (0..count).map(|n| evm.endpoint(&format!("e{n}"))).collect();
	let all = endpoints.iter().map(|e| e.clone() as Arc<dyn Endpoint>).collect();
	(evm, endpoints, Pool::new(all, agree))
}

const CONFIRMATIONS: FinalityRule = FinalityRule::Confirmations(5);

#[tokio::test]
async fn finality_is_the_chains_or_a_number_of_confirmations() {
	let (_, _, pool) = pool(1, None);
	assert_eq!(
		pool.final_head(FinalityRule::Finalized)
			.await
			.expect("known")
			.number,
		18
	);
	assert_eq!(pool.final_head(CONFIRMATIONS).await.expect("known").number, 15);
}

#[tokio::test]
async fn one_endpoint_is_believed_and_two_must_agree() {
	let (_, endpoints, pool) = pool(2, None);
	pool.final_head(CONFIRMATIONS).await.expect("they agree");
	endpoints[1].ways().other_chain = true;
	let error = pool.final_head(CONFIRMATIONS).await.expect_err("they differ");
	assert!(matches!(error, EvmError::Split { number: 15, .. }), "{error}");
	assert!(
		error.to_string().contains("e0") && error.to_string().contains("e1"),
		"{error}"
	);
}

#[tokio::test]
async fn one_of_three_is_outvoted_and_set_aside() {
	for liar in 0..3 {
		let (_, endpoints, pool) = pool(3, None);
		let (_, honest, _) = (&endpoints, endpoints[(liar + 1) % 3].clone(), ());
		endpoints[liar].ways().other_chain = true;
		let head = pool.final_head(CONFIRMATIONS).await.expect("two agree");
		let truth = honest.head(Tag::Number(15)).await.expect("up").expect("known");
		assert_eq!(head.hash, truth.hash);
		let status = pool.status();
		if endpoints[liar].asked("head") > 0 {
			assert_eq!(status[liar].distrusted, 1, "{status:?}");
			assert!(!status[liar].in_use);
		}
	}
}

#[tokio::test]
async fn an_endpoint_that_lags_far_behind_is_set_aside() {
	let (evm, endpoints, pool) = pool(3, None);
	evm.mine_empty(200);
	endpoints[0].ways().lags = 150;
	assert!(pool.final_head(CONFIRMATIONS).await.is_err());
	let head = pool
		.final_head(CONFIRMATIONS)
		.await
		.expect("the others are up to date");
	assert_eq!(head.number, 215);
	assert!(!pool.status()[0].in_use);
}

#[tokio::test]
async fn one_that_is_a_little_behind_is_waited_for() {
	let (_, endpoints, pool) = pool(2, None);
	endpoints[1].ways().lags = 3;
	assert_eq!(pool.final_head(CONFIRMATIONS).await.expect("known").number, 12);
}

#[tokio::test]
async fn another_endpoint_is_asked_when_one_is_down_and_it_is_left_alone_for_longer_each_time() {
	let (_, endpoints, pool) = pool(2, Some(1));
	endpoints[0].ways().down = true;
	for _ in 0..10 {
		pool.head(Tag::Latest).await.expect("the other is up");
	}
	assert_eq!(
		endpoints[0].asked("head"),
		1,
		"once it has failed it is not asked again at once"
	);
	for _ in 0..5 {
		clock::advance(Duration::from_secs(20));
		pool.head(Tag::Latest).await.expect("the other is up");
	}
	assert!(endpoints[0].asked("head") <= 6);
	endpoints[0].ways().down = false;
	clock::advance(LONGEST_ASIDE);
	let before = endpoints[1].asked("head");
	pool.head(Tag::Latest).await.expect("the first is back");
	assert_eq!(endpoints[1].asked("head"), before);
}

#[tokio::test]
async fn lost_answers_are_asked_for_again() {
	let (_, endpoints, pool) = pool(1, None);
	endpoints[0].ways().loses = 100;
	for _ in 0..20 {
		pool.head(Tag::Latest).await.expect("in the end");
	}
	assert!(pool.status()[0].errors > 10);
}

#[tokio::test]
async fn a_rate_limit_is_kept() {
	let (_, endpoints, pool) = pool(1, None);
	endpoints[0].ways().limits_rate = 2;
	let begun = clock::now();
	pool.head(Tag::Latest).await.expect("after a while");
	assert!(
		clock::since(begun) >= Duration::from_millis(50 + 100),
		"{:?}",
		clock::since(begun)
	);
}

#[tokio::test]
async fn with_nobody_to_ask_it_says_so() {
	let (_, endpoints, pool) = pool(2, None);
	for endpoint in &endpoints {
		endpoint.ways().down = true;
	}
	let error = pool.head(Tag::Latest).await.expect_err("nobody");
	assert!(matches!(error, EvmError::Exhausted(_)), "{error}");
	assert!(error.to_string().contains("it is down"), "{error}");
}

#[tokio::test]
async fn who_is_caught_again_is_left_alone_for_longer_although_it_answers() {
	let (_, _, pool) = pool(2, Some(1));
	let mut asides = Vec::new();
	for _ in 0..3 {
		pool.distrust(0, "a log was left out");
		let begun = clock::now();
		while !pool.is_usable(0) {
			clock::advance(Duration::from_millis(100));
		}
		asides.push(clock::since(begun));
		pool.head(Tag::Latest).await.expect("it answers");
	}
	assert!(asides[0] < asides[1] && asides[1] < asides[2], "{asides:?}");
	pool.vouch(0);
	pool.distrust(0, "again");
	let until = pool.members[0].standing().until.expect("set aside");
	assert!(
		until.saturating_duration_since(clock::now()) <= asides[0],
		"it was found to be right meanwhile"
	);
}

#[tokio::test]
async fn what_a_contract_says_as_many_must_say_as_must_agree() {
	let call = ViewCall {
		from: None,
		to: fake::GATEWAY,
		data: Gateway::resultOfCall { id: 1 }.abi_encode().into(),
		gas: None,
	};
	let state = |answer: Result<Bytes, Bytes>| {
		let answer = answer.map_err(EvmError::Reverted)?;
		let result = Gateway::resultOfCall::abi_decode_returns(&answer);
		Ok(result.expect("the fake's").state)
	};
	// Endpoints, how many must agree, the one that is wrong, the one that is down: whether it is known then.
	let cases = [
		(2, None, None, None, true),
		(2, None, Some(0), None, false),
		(2, Some(1), Some(1), None, true),
		(3, None, Some(0), None, true),
		(3, None, Some(1), None, true),
		(3, None, Some(0), Some(2), false),
	];
	for (count, agree, wrong, down, known) in cases {
		let (_, endpoints, pool) = pool(count, agree);
		if let Some(wrong) = wrong {
			endpoints[wrong].ways().pretends = true;
		}
		if let Some(down) = down {
			endpoints[down].ways().down = true;
		}
		match pool.agreed_call(&call, Tag::Number(15), state).await {
			Ok(state) => assert!(known && state == 1),
			Err(error) => {
				assert!(!known && matches!(error, EvmError::Contradiction(_)), "{error}");
				assert!(error.to_string().contains("e0 and e1"), "{error}");
			},
		}
		if count == 3 && known {
			assert!(!pool.status()[wrong.expect("one is")].in_use);
		}
	}
}
