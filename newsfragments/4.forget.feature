The option `forget_after` removes clusters that cannot be reached for so long; late news of them does not bring them back, their return does.
